"""A client of a service that checks every response against the OpenAPI document."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from shared.testing.secret_leaks import register_secrets
from shared.web.errors import (
    BAD_PARAMETER,
    INVALID_JWT,
    PAYLOAD_TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNSUPPORTED_MEDIA_TYPE,
    ErrorSpec,
)

Refusal = tuple[str, str, str, int, str]
StatusAndBody = tuple[int, Any]


@dataclass
class ErrorCoverage:
    """Service, method, path, code and info of errors: those documented, and those observed in
    tests.
    """

    declared: set[Refusal] = field(default_factory=set)
    observed: set[Refusal] = field(default_factory=set)


refusals = ErrorCoverage()


@dataclass(frozen=True)
class Reply:
    """A response."""

    status_code: int
    headers: Headers
    data: bytes
    json: Any


class ApiClient:
    """A client of one service, with or without a token.

    Args:
        app: the service.
        token: sent in ``Authorization`` unless a call sets that header.
        user_id: the owner of the token, for the tests to refer to.
    """

    def __init__(self, app: Flask, token: str | None = None, user_id: int = 0) -> None:
        self.app = app
        self.token = token
        self.id = user_id
        self._client: FlaskClient = app.test_client()

    def get(self, path: str, **request: Any) -> Reply:
        """GET ``path``."""
        return self.call("GET", path, **request)

    def post(self, path: str, **request: Any) -> Reply:
        """POST to ``path``."""
        return self.call("POST", path, **request)

    def put(self, path: str, **request: Any) -> Reply:
        """PUT to ``path``."""
        return self.call("PUT", path, **request)

    def delete(self, path: str, **request: Any) -> Reply:
        """DELETE ``path``."""
        return self.call("DELETE", path, **request)

    def call(self, method: str, path: str, **request: Any) -> Reply:
        """Send a request, and check that the OpenAPI document describes the response."""
        headers = dict(request.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", self.token)
        register_secrets(request.get("json"))
        response = self._client.open(path, method=method, headers=headers, **request)
        _check_documented(self.app, method, path.partition("?")[0], response)
        body = response.json if response.is_json else None
        return Reply(response.status_code, response.headers, response.data, body)

    def list_responses(
        self, method: str, path: str, *requests: dict[str, Any]
    ) -> list[StatusAndBody]:
        """Send several requests; list their statuses and bodies without duplicates."""
        replies = [self.call(method, path, **request) for request in requests]
        responses = [(reply.status_code, reply.json) for reply in replies]
        return [
            response
            for position, response in enumerate(responses)
            if response not in responses[:position]
        ]


def expected_error(spec: ErrorSpec, **details: str) -> StatusAndBody:
    """Return the status and the body of the error ``spec``."""
    return spec.status, {"code": spec.code, "info": spec.info.format(**details)}


def assert_error(response: Reply, spec: ErrorSpec, **details: str) -> None:
    """Check that the response is the error ``spec``."""
    assert (response.status_code, response.json) == expected_error(spec, **details)


def _check_documented(app: Flask, method: str, path: str, response: TestResponse) -> None:
    if not response.is_json:
        return
    document = _document(app)
    try:
        rule, _ = app.url_map.bind("").match(path, method, return_rule=True)
    except HTTPException:
        return
    template = rule.rule.replace("<", "{").replace(">", "}")
    operation = document["paths"].get(template, {}).get(method.lower())
    if operation is None:  # Health and /internal are not in the document.
        return
    described = operation["responses"]
    documented = described.get(str(response.status_code), described["default"])
    schema = documented["content"]["application/json"]["schema"]
    body: Any = response.json
    _validator(app, json.dumps(schema)).validate(body)
    texts = documented["content"]["application/json"].get("examples", {})
    if texts or response.status_code in _DOCUMENTED_STATUSES:
        assert any(_matches(text, body["info"]) for text in texts), (
            f"{method} {template} gave an undocumented {response.status_code}: {body}"
        )
        refusals.observed.add((app.name, method, template, body["code"], body["info"]))


@cache
def _validator(app: Flask, schema: str) -> Draft202012Validator:
    """Create a validator for a schema of the application's document."""
    components = _document(app)["components"]
    return Draft202012Validator(json.loads(schema) | {"components": components})


# Clients must distinguish errors of these statuses; the framework's other errors may lack examples.
_DOCUMENTED_STATUSES = frozenset({400, 401, 403, 404, 409})


def _matches(text: str, info: str) -> bool:
    return info.startswith(text.partition("{field}")[0]) if "{field}" in text else info == text


def _document(app: Flask) -> dict[str, Any]:
    if "ims.tested_document" not in app.extensions:
        document: Any = app.test_client().get("/openapi.json").json
        app.extensions["ims.tested_document"] = document
        refusals.declared |= set(_declared(app.name, document))
    known: dict[str, Any] = app.extensions["ims.tested_document"]
    return known


def _declared(service: str, document: dict[str, Any]) -> Iterator[Refusal]:
    """Yield the errors that the endpoints of a service declare, without those of every endpoint."""
    common = {
        spec.info
        for spec in (
            BAD_PARAMETER,
            INVALID_JWT,
            PAYLOAD_TOO_LARGE,
            TOO_MANY_REQUESTS,
            UNSUPPORTED_MEDIA_TYPE,
        )
    }
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"get", "post", "put", "delete"}:
            for response in operations[method]["responses"].values():
                content = response.get("content", {}).get("application/json", {})
                for info, example in content.get("examples", {}).items():
                    if info not in common:
                        code = example["value"]["code"]
                        yield service, method.upper(), path, code, info
