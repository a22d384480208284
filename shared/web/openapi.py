"""The OpenAPI document of a service, generated from the decorators of its views."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema, fields, validate

from shared.web.arguments import IN_QUERY, KIB
from shared.web.authentication import MAX_ID
from shared.web.errors import (
    BAD_PARAMETER,
    INVALID_JWT,
    PAYLOAD_TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNSUPPORTED_MEDIA_TYPE,
    ErrorSpec,
)
from shared.web.fields import Id, ResponseSchema

_RETRY_AFTER_HEADER = {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}


@dataclass
class EndpointSpec:
    """The input, success response and errors of an endpoint."""

    arguments: Schema | None = None
    multipart: bool = False
    max_bytes: int = 64 * KIB
    info: str = "Succeed"
    message: str | None = None
    response: type[ResponseSchema] = ResponseSchema
    content_type: str | None = None
    errors: tuple[ErrorSpec, ...] = field(default=())


def endpoint_spec(view: Callable[..., Any]) -> EndpointSpec:
    """Get the specification of a view, to be completed by its decorators."""
    spec: EndpointSpec = view.__dict__.setdefault("endpoint_spec", EndpointSpec())
    return spec


class ErrorBody(Schema):
    """The body of every error: exactly ``code`` and ``info``."""

    code = fields.Integer(required=True)
    info = fields.String(required=True)


def describe_operation(
    rule: str, method: str, view: Callable[..., Any], spec: EndpointSpec
) -> dict[str, Any]:
    """Describe a view as an OpenAPI operation in the form of apispec's marshmallow plugin."""
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
        in_path = [name for name in schema.fields if f"<{name}>" in rule]
        rest = type(schema)(exclude=in_path)
        if in_path:
            operation["parameters"] = [{"in": "path", "schema": type(schema)(only=in_path)}]
        if method in IN_QUERY and rest.fields:
            operation.setdefault("parameters", []).append({"in": "query", "schema": rest})
        elif spec.multipart:
            common.append(UNSUPPORTED_MEDIA_TYPE)
            body = {"multipart/form-data": {"schema": rest}}
            operation["requestBody"] = {"required": True, "content": body}
        elif method not in IN_QUERY:
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
    """Choose a required field for the example of a missing field."""
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
    """The OpenAPI document of a service."""

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
        """Leave errors to ``shared.web.errors``, which responds in the format of the API."""


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
    """Name components only of schemas that services declare; nested dictionaries stay inline."""
    kind = schema if isinstance(schema, type) else type(schema)
    modifiers = getattr(schema, "only", None) or getattr(schema, "exclude", None)
    return "" if modifiers else str(kind.__name__)
