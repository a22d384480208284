"""The contract of an endpoint, written as decorators above its view.

``blueprint.arguments`` validates the input, ``blueprint.success`` describes the success response,
``blueprint.errors`` lists the errors. The OpenAPI document is generated from the same decorators.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import flask
import flask_smorest
import orjson
from flask import Response, current_app, jsonify, request
from marshmallow import Schema

from shared.runtime import runtime_of
from shared.web.arguments import KIB, parser
from shared.web.authentication import require_account
from shared.web.budget import Budget, current_caller
from shared.web.errors import ErrorSpec
from shared.web.fields import ResponseSchema
from shared.web.json_provider import JSON_OPTIONS
from shared.web.openapi import EndpointSpec, describe_operation, endpoint_spec
from shared.web.request_body import has_body
from shared.web.streaming import Blocks, json_blocks, stream_response

MIB = 1024 * KIB
_MAX_SMALL_BYTES = 64 * KIB
_large_bodies = Budget(64 * MIB)

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(flask_smorest.Blueprint, flask.Blueprint):
    """A blueprint whose views have an `EndpointSpec`."""

    if TYPE_CHECKING:  # Flask's types do not allow a view to return None.

        def get(self, rule: str, **options: Any) -> Callable[[View], View]:
            """Register a view for one method of a path."""

        post = put = delete = get

    def arguments(
        self, schema: type[Schema], *, multipart: bool = False, max_bytes: int = 64 * KIB
    ) -> Callable[[View], View]:
        """Validate the input by ``schema``, and call the view with it as keyword arguments.

        GET and DELETE read the query string and a JSON body (the query string wins), other methods
        a JSON body of any content type, or a multipart body. Path parameters are fields of the
        schema, too.

        Args:
            schema: the accepted fields; the first invalid field is rejected by its name.
            multipart: the body is ``multipart/form-data`` (otherwise 415).
            max_bytes: a larger body is rejected (413).
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
        """Respond 200 with ``code`` 0, ``info``, ``message`` and the result of the view.

        Args:
            info: the API document's ``info`` of this endpoint.
            schema: describes the returned fields.
            message: the API document's ``message``, if it has one.
            content_type: the content type, if the view creates its own response.
        """

        def decorate(view: View) -> View:
            spec = endpoint_spec(view)
            spec.info, spec.message = info, message
            spec.response, spec.content_type = schema, content_type
            return view

        return decorate

    def errors(self, *specs: ErrorSpec) -> Callable[[View], View]:
        """List the documented errors of the endpoint, in addition to those of every endpoint."""

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
        """Register a view, and document it by its specification."""
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
    """Wrap a view: parse its input, and serialize its result."""
    envelope = {"code": 0, "info": spec.info}
    if spec.message is not None:
        envelope["message"] = spec.message

    @wraps(view)
    def wrapped(**path: Any) -> Response:
        try:
            with _room_for_body(spec):
                if spec.arguments is not None:
                    request.max_content_length = spec.max_bytes
                result = view(**path)
        except Exception as failure:
            # A token that is no longer valid is refused before anything else, if that can be known.
            if not isinstance(failure, runtime_of(current_app).outages):
                require_account()
            raise
        require_account()
        if isinstance(result, Response):
            return result
        fields = {**envelope, **(result or {})}
        if any(isinstance(value, Blocks) for value in fields.values()):
            return _streamed(fields)
        return jsonify(fields)

    return wrapped


def _streamed(fields: dict[str, Any]) -> Response:
    """Create a response that is sent while its `Blocks` are read; an error aborts it."""
    blocks = [value for value in fields.values() if isinstance(value, Blocks)]
    pieces = json_blocks(fields.items(), partial(orjson.dumps, option=JSON_OPTIONS))
    return stream_response(pieces, blocks, "application/json")


def _room_for_body(spec: EndpointSpec) -> AbstractContextManager[None]:
    """Reserve memory for the JSON of a request if it can be large."""
    if spec.multipart or spec.max_bytes <= _MAX_SMALL_BYTES or not has_body(request.environ):
        return nullcontext()
    size = min(request.content_length or spec.max_bytes, spec.max_bytes)
    return (
        _large_bodies.reserve(size, current_caller()) if size > _MAX_SMALL_BYTES else nullcontext()
    )
