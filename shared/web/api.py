"""The contract of an endpoint, written as decorators above its view.

``blueprint.arguments`` reads and checks the input, ``blueprint.success`` makes the answer,
``blueprint.errors`` names the errors; the OpenAPI document is made of the same three.
"""

import json
import logging
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import flask
import flask_smorest
import orjson
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Response, jsonify, request
from flask.json.provider import JSONProvider
from marshmallow import Schema, ValidationError, fields, validate

from shared.web.authentication import MAX_ID
from shared.web.budget import Budget, current_caller
from shared.web.errors import (
    BAD_PARAMETER,
    INVALID_JWT,
    PAYLOAD_TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNSUPPORTED_MEDIA_TYPE,
    ApiError,
    ErrorSpec,
    bad_parameter,
)
from shared.web.fields import Id, ResponseSchema, Upload
from shared.web.forms import read_form
from shared.web.streaming import Blocks, json_blocks, stream_response

log = logging.getLogger(__name__)

KIB = 1024
MIB = 1024 * KIB
_IN_QUERY = frozenset({"GET", "HEAD", "DELETE"})
_MAX_BYTES_PARSED_TWICE = 64 * KIB
_MAX_SMALL_BYTES = 64 * KIB
_large_bodies = Budget(64 * MIB)
_RETRY_AFTER_HEADER = {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}

View = TypeVar("View", bound=Callable[..., Any])


@dataclass
class EndpointSpec:
    """What an endpoint takes, answers and refuses."""

    arguments: Schema | None = None
    multipart: bool = False
    max_bytes: int = 64 * KIB
    info: str = "Succeed"
    message: str | None = None
    response: type[ResponseSchema] = ResponseSchema
    content_type: str | None = None
    errors: tuple[ErrorSpec, ...] = field(default=())


def _endpoint_spec(view: Callable[..., Any]) -> EndpointSpec:
    spec: EndpointSpec = view.__dict__.setdefault("endpoint_spec", EndpointSpec())
    return spec


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
            spec = _endpoint_spec(view)
            spec.arguments, spec.multipart, spec.max_bytes = schema(), multipart, max_bytes
            return view

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
            spec = _endpoint_spec(view)
            spec.info, spec.message = info, message
            spec.response, spec.content_type = schema, content_type
            return view

        return decorate

    def errors(self, *specs: ErrorSpec) -> Callable[[View], View]:
        """Name the documented errors of the endpoint, beside those that every endpoint has."""

        def decorate(view: View) -> View:
            _endpoint_spec(view).errors = specs
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
        spec = _endpoint_spec(view_func)
        [method] = options.setdefault("methods", ["GET"])
        documented = self.doc(**_operation(rule, method, view_func, spec))
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
            given = path if spec.arguments is None else _read(spec, path)
            result = view(**given)
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
    pieces = json_blocks(fields.items(), partial(orjson.dumps, option=_JSON_OPTIONS))
    return stream_response(pieces, blocks, "application/json")


def _room_for_body(spec: EndpointSpec) -> AbstractContextManager[None]:
    """Room in memory for the JSON of a request, where that may be large."""
    if spec.multipart or spec.max_bytes <= _MAX_SMALL_BYTES or not _has_body():
        return nullcontext()
    size = min(request.content_length or spec.max_bytes, spec.max_bytes)
    return _large_bodies.taken(size, current_caller()) if size > _MAX_SMALL_BYTES else nullcontext()


def _read(spec: EndpointSpec, path: Mapping[str, str]) -> dict[str, Any]:
    schema = spec.arguments
    assert schema is not None
    request.max_content_length = spec.max_bytes
    if spec.multipart:
        if request.mimetype != "multipart/form-data":
            raise ApiError(UNSUPPORTED_MEDIA_TYPE)
        names = (f.data_key or name for name, f in schema.fields.items() if isinstance(f, Upload))
        given: dict[str, Any] = {**read_form(frozenset(names))}
    elif request.method in _IN_QUERY:
        body = request.get_data(cache=False) if _has_body() else b""
        given = {**(_json_object(body) if body.strip() else {}), **_query(schema)}
    else:
        given = _json_object(request.get_data(cache=False))
    try:
        loaded: dict[str, Any] = schema.load({**given, **path})
    except ValidationError as error:
        raise bad_parameter(str(next(iter(error.messages_dict)))) from None
    return loaded


def _has_body() -> bool:
    """Most that may have one have none, and to read nothing takes as long as to read little."""
    return "CONTENT_LENGTH" in request.environ or "HTTP_TRANSFER_ENCODING" in request.environ


def _query(schema: Schema) -> dict[str, Any]:
    """The parameters of the query string; a list comes as a=1&a=2, a[]=1&a[]=2 or a=1,2."""
    given: dict[str, Any] = {name: values[0] for name, values in request.args.lists()}
    lists = (f for f in schema.fields.values() if isinstance(f, fields.List))
    for name in (f.data_key or str(f.name) for f in lists):
        if values := request.args.getlist(name) + request.args.getlist(f"{name}[]"):
            given[name] = ",".join(values).split(",")
    return given


def _json_object(body: bytes) -> dict[str, Any]:
    body = body.removeprefix(BOM_UTF8)
    try:
        given = orjson.loads(body)
    except ValueError:
        given = _parse_stdlib(body)
    if not isinstance(given, dict):
        raise bad_parameter("body")
    return given


def _parse_stdlib(body: bytes) -> Any:
    """What orjson refuses but is JSON, such as a lone surrogate: its field shall be named.

    A large body is not parsed twice: that would stop this process for a second.
    """
    if len(body) > _MAX_BYTES_PARSED_TWICE:
        raise bad_parameter("body")

    def refuse(_constant: str) -> NoReturn:
        raise ValueError

    try:
        return json.loads(body.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise bad_parameter("body") from None


class OrjsonProvider(JSONProvider):
    """JSON by orjson: UTF-8 as it is, and times as ``2025-03-13T14:30:00Z``."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Serialize to text."""
        return orjson.dumps(obj, option=_JSON_OPTIONS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse text."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """A response of the serialized argument."""
        body = orjson.dumps(self._prepare_response_obj(args, kwargs), option=_JSON_OPTIONS)
        return Response(body, mimetype="application/json")


_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class ErrorBody(Schema):
    """Every refusal: exactly ``code`` and ``info``."""

    code = fields.Integer(required=True)
    info = fields.String(required=True)


def _operation(
    rule: str, method: str, view: Callable[..., Any], spec: EndpointSpec
) -> dict[str, Any]:
    """The OpenAPI operation of a view, as apispec's marshmallow plugin understands it."""
    package, _, module = view.__module__.partition("_service.routes.")
    operation: dict[str, Any] = {"operationId": f"{package}.{module}.{view.__name__}"}
    schema = spec.arguments
    common = (
        [TOO_MANY_REQUESTS]
        if getattr(view, "is_public", False)
        else [INVALID_JWT, TOO_MANY_REQUESTS]
    )
    if schema is not None:
        common += [BAD_PARAMETER, PAYLOAD_TOO_LARGE]
        in_path = {name for name in schema.fields if f"<{name}>" in rule}
        rest = type(schema)(exclude=in_path)
        if in_path:
            operation["parameters"] = [{"in": "path", "schema": type(schema)(only=in_path)}]
        if method in _IN_QUERY and rest.fields:
            operation.setdefault("parameters", []).append({"in": "query", "schema": rest})
        elif spec.multipart:
            common.append(UNSUPPORTED_MEDIA_TYPE)
            body = {"multipart/form-data": {"schema": rest}}
            operation["requestBody"] = {"required": True, "content": body}
        elif method not in _IN_QUERY:
            body = {"application/json": {"schema": rest}}
            operation["requestBody"] = {"required": True, "content": body}
    if getattr(view, "is_public", False):
        operation["security"] = []
    operation["responses"] = {
        "200": _success_response(view, spec),
        **_error_responses([*common, *spec.errors], _example_field(schema)),
        "default": {
            "description": "Any other refusal: `code` is minus the status.",
            "content": {"application/json": {"schema": ErrorBody}},
        },
    }
    return operation


def _success_response(view: Callable[..., Any], spec: EndpointSpec) -> dict[str, Any]:
    if spec.content_type is not None:
        binary = {"schema": {"type": "string", "format": "binary"}}
        return {"description": "OK", "content": {spec.content_type: binary}}
    envelope: dict[str, Any] = {
        "code": fields.Integer(validate=validate.Equal(0)),
        "info": fields.String(validate=validate.Equal(spec.info)),
    }
    if spec.message is not None:
        envelope["message"] = fields.String(validate=validate.Equal(spec.message))
    name = f"{view.__module__}.{view.__name__}".replace(".", "_")
    schema = type(f"{name}Answer", (spec.response,), envelope)
    return {"description": "OK", "content": {"application/json": {"schema": schema}}}


def _example_field(schema: Schema | None) -> str:
    """A field that a request may lack, for the example of that refusal."""
    names = (each.data_key or name for name, each in schema.fields.items()) if schema else ()
    return next(iter(names), "body")


def _error_responses(specs: list[ErrorSpec], example_field: str) -> dict[str, Any]:
    by_status: dict[int, list[ErrorSpec]] = defaultdict(list)
    for spec in specs:
        if spec not in by_status[spec.status]:
            by_status[spec.status].append(spec)
    headers = {TOO_MANY_REQUESTS.status: {"headers": {"Retry-After": _RETRY_AFTER_HEADER}}}
    return {
        str(status): {
            **headers.get(status, {}),
            "description": "; ".join(f"{s.code} `{s.info}`" for s in of_status),
            "content": {
                "application/json": {
                    "schema": ErrorBody,
                    "examples": {
                        s.info: {
                            "value": {
                                "code": s.code,
                                "info": s.info.replace("{field}", example_field),
                            }
                        }
                        for s in of_status
                    },
                }
            },
        }
        for status, of_status in sorted(by_status.items())
    }


class Api(flask_smorest.Api):
    """The OpenAPI document of a service, made of its views' contracts."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask, title: str, version: str) -> None:
        app.config.update(API_TITLE=title, API_VERSION=version, OPENAPI_VERSION="3.1.0")
        plugin = MarshmallowPlugin(schema_name_resolver=_component_name)
        super().__init__(app, spec_kwargs={"marshmallow_plugin": plugin})
        assert plugin.converter is not None
        add_attributes: Any = plugin.converter.add_attribute_function
        add_attributes(_id_to_schema)
        assert self.spec is not None
        self.spec.components.security_scheme(
            "token", {"type": "apiKey", "in": "header", "name": "Authorization"}
        )
        self.spec.options["security"] = [{"token": []}]

    def _register_error_handlers(self) -> None:
        """Leave failures to ``shared.web.errors``, which answers them as the contract says."""


def _id_to_schema(_converter: object, field_: fields.Field[Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field_, Id) or isinstance(field_.root, ResponseSchema):
        return {}
    return {
        "type": ["integer", "string"],
        "minimum": 0,
        "maximum": MAX_ID,
        "pattern": "^[0-9]{1,19}$",
    }


def _component_name(schema: Any) -> str:
    """Named components for the shapes that services declare; parts of them stay inline."""
    kind = schema if isinstance(schema, type) else type(schema)
    modifiers = getattr(schema, "only", None) or getattr(schema, "exclude", None)
    return "" if modifiers else str(kind.__name__)
