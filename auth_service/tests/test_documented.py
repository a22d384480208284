"""The OpenAPI document describes all served endpoints and all errors of the catalogue."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from auth_service import errors
from auth_service.tests.endpoints import AVATAR, ENDPOINTS, WITH_FIELDS, Endpoint, optional_fields
from shared.web.errors import ErrorSpec

# Errors of every endpoint in the API document, besides -2 and -7.
REFUSALS: dict[str, set[tuple[int, int, str]]] = {
    "POST /account/reg": {
        (400, -3, "Name too long"),
        (400, -1, "User already exists"),
        (400, -4, "Password illegal"),
        (403, -8, "Registration is closed"),
        (400, 1, "Invalid email"),
    },
    "DELETE /account/delete": set(),
    "GET /account/export": {(503, -503, "Service unavailable")},
    "POST /account/login": {
        (404, -1, "User not found"),
        (404, 1, "User deleted or not activated"),
        (401, -3, "密码错误"),
        (400, 1, "Invalid email"),
    },
    "POST /account/password/forgot": {(400, 1, "Invalid email")},
    "POST /account/password/reset": {
        (400, 1, "Invalid email"),
        (400, -4, "Invalid password"),
        (400, -5, "Invalid or expired code"),
    },
    "POST /verify": {
        (404, -5, "发送失败，请检查网络和邮箱"),
        (400, 1, "Invalid email"),
    },
    "POST /account/logout": set(),
    "GET /account/sessions": set(),
    "DELETE /account/sessions": {(404, -1, "Session not found")},
    "GET /account/info": set(),
    "PUT /account/info": {
        (401, -3, "密码错误"),
        (400, 1, "Invalid email"),
        (400, -3, "Name too long"),
        (400, -4, "Invalid password"),
        (400, -1, "User already exists"),
        (403, -8, "Registration is closed"),
    },
}
OF_EVERY_ENDPOINT = {(401, -2), (400, -7), (413, -413), (429, -429)}


SHOW = (
    "from auth_service.app import create_app; "
    "print(create_app().test_client().get('/openapi.json').text)"
)


@pytest.fixture
def document(app: Flask) -> Any:
    """The served OpenAPI document."""
    return app.test_client().get("/openapi.json").json


def _operation(document: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][endpoint.path][endpoint.method.lower()]
    return operation


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_every_process_makes_the_same_document(env: Mapping[str, str]) -> None:
    documents = {
        subprocess.run(
            [sys.executable, "-c", SHOW],
            env={**os.environ, **env, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "4")
    }

    assert len(documents) == 1


def test_the_document_lists_exactly_the_endpoints_that_are_tested(
    document: dict[str, Any],
) -> None:
    documented = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    tested = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert documented == tested | {("GET", AVATAR)}


def test_what_is_served_beside_the_document_is_for_machines(
    app: Flask, document: dict[str, Any]
) -> None:
    served = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"}
    served = {rule.replace("<", "{").replace(">", "}") for rule in served}
    assert served - document["paths"].keys() == {
        "/livez",
        "/readyz",
        "/healthz",
        "/openapi.json",
        "/internal/accounts",
        "/internal/accounts/find",
        "/internal/sessions/seen",
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_an_endpoint_documents_the_refusals_of_the_api_document(
    document: dict[str, Any], endpoint: Endpoint
) -> None:
    documented = {
        (int(status), example["value"]["code"], example["value"]["info"])
        for status, response in _operation(document, endpoint)["responses"].items()
        if status not in ("200", "default")
        for example in response["content"]["application/json"]["examples"].values()
    }
    own = {row for row in documented if row[:2] not in OF_EVERY_ENDPOINT}
    assert own == REFUSALS[str(endpoint)]


def test_every_row_of_the_catalogue_is_a_refusal_of_some_endpoint() -> None:
    catalogue = {
        (spec.status, spec.code, spec.info)
        for spec in vars(errors).values()
        if isinstance(spec, ErrorSpec)
    }
    assert catalogue <= set().union(*REFUSALS.values())


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_an_endpoint_documents_its_parameters(document: dict[str, Any], endpoint: Endpoint) -> None:
    body = _operation(document, endpoint)["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    fields = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    required = {name: name in fields["required"] for name in fields["properties"]}
    optional = optional_fields(endpoint)
    assert required == {name: name not in optional for name in endpoint.fields}
