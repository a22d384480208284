"""The contract of an endpoint, written as decorators above its view.

``blueprint.arguments`` reads and checks the input, ``blueprint.success`` makes the answer,
``blueprint.errors`` names the errors; the OpenAPI document is made of the same three.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import flask
import flask_smorest
import orjson
from flask import Response, jsonify, request
from marshmallow import Schema

from shared.web.arguments import KIB, has_body, parser
from shared.web.budget import Budget, current_caller
from shared.web.errors import ErrorSpec
from shared.web.fields import ResponseSchema
from shared.web.json_provider import JSON_OPTIONS
from shared.web.openapi import EndpointSpec, describe_operation, endpoint_spec
from shared.web.streaming import Blocks, json_blocks, stream_response

MIB = 1024 * KIB
_MAX_SMALL_BYTES = 64 * KIB
_large_bodies = Budget(64 * MIB)

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(flask_smorest.Blueprint, flask.Blueprint):
    """A blueprint whose views have specifications."""

    if TYPE_CHECKING:  # A view may return nothing, which Flask's own types do not know.

        def get(self, rule: str, **options: Any) -> Callable[[View], View]:
            """Register a view for one method of a path."""

        post = put = delete = get

    def arguments(
        self, schema: type[Schema], *, multipart: bool = False, max_bytes: int = 64 * KIB
    ) -> Callable[[View], View]:
        """Read the input by ``schema`` and call the view with it as keyword arguments.

        GET and DELETE read the query string and a JSON body (the query string wins), everything
        else a JSON body whatever its content type says, or a multipart body. Path parameters
        belong to the schema as well.

        Args:
            schema: what is accepted; the first field that does not fit is refused by its name.
            multipart: the body is ``multipart/form-data`` (else 415).
            max_bytes: a larger body is refused (413).
        """

        def decorate(view: View) -> View:
            spec = endpoint_spec(view)
            spec.arguments, spec.multipart, spec.max_bytes = schema(), multipart, max_bytes
            location = "form" if multipart else "query_or_body"
            use_arguments: Callable[[View], Any] = parser.use_kwargs(
                spec.arguments, location=location
            )
            reading: View = use_arguments(view)
            return reading

        return decorate

    def success(
        self,
        info: str = "Succeed",
        schema: type[ResponseSchema] = ResponseSchema,
        *,
        message: str | None = None,
        content_type: str | None = None,
    ) -> Callable[[View], View]:
        """Answer 200 with ``code`` 0, ``info``, ``message`` and what the view returns.

        Args:
            info: the document's word for success at this endpoint.
            schema: describes the returned fields.
            message: the document's message, if it has one.
            content_type: what a view that makes its own response answers with.
        """

        def decorate(view: View) -> View:
            spec = endpoint_spec(view)
            spec.info, spec.message = info, message
            spec.response, spec.content_type = schema, content_type
            return view

        return decorate

    def errors(self, *specs: ErrorSpec) -> Callable[[View], View]:
        """Name the documented errors of the endpoint, beside those that every endpoint has."""

        def decorate(view: View) -> View:
            endpoint_spec(view).errors = specs
            return view

        return decorate

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a view together with its contract's documentation."""
        assert view_func is not None
        spec = endpoint_spec(view_func)
        [method] = options.setdefault("methods", ["GET"])
        documented = self.doc(**describe_operation(rule, method, view_func, spec))
        super().add_url_rule(
            rule,
            endpoint,
            documented(_wrap_view(spec, view_func)),
            provide_automatic_options,
            **options,
        )


def _wrap_view(spec: EndpointSpec, view: Callable[..., Any]) -> Callable[..., Response]:
    """``view`` with its input read and its answer made as the contract says."""
    envelope = {"code": 0, "info": spec.info}
    if spec.message is not None:
        envelope["message"] = spec.message

    @wraps(view)
    def wrapped(**path: Any) -> Response:
        with _room_for_body(spec):
            if spec.arguments is not None:
                request.max_content_length = spec.max_bytes
            result = view(**path)
        if isinstance(result, Response):
            return result
        fields = {**envelope, **(result or {})}
        if any(isinstance(value, Blocks) for value in fields.values()):
            return _streamed(fields)
        return jsonify(fields)

    return wrapped


def _streamed(fields: dict[str, Any]) -> Response:
    """An answer that is sent while its `Blocks` are made; a failure breaks it off."""
    blocks = [value for value in fields.values() if isinstance(value, Blocks)]
    pieces = json_blocks(fields.items(), partial(orjson.dumps, option=JSON_OPTIONS))
    return stream_response(pieces, blocks, "application/json")


def _room_for_body(spec: EndpointSpec) -> AbstractContextManager[None]:
    """Room in memory for the JSON of a request, where that may be large."""
    if spec.multipart or spec.max_bytes <= _MAX_SMALL_BYTES or not has_body():
        return nullcontext()
    size = min(request.content_length or spec.max_bytes, spec.max_bytes)
    return (
        _large_bodies.reserve(size, current_caller()) if size > _MAX_SMALL_BYTES else nullcontext()
    )
