"""The OpenAPI document describes all served endpoints and all errors of the catalogue."""

from typing import Any

import pytest
from flask import Flask

from shared.web.errors import ErrorSpec
from social_service import errors
from social_service.tests.endpoints import ENDPOINTS, OPTIONAL, WITH_FIELDS, Endpoint

# Errors of every endpoint in the API document, besides -2 and -7.
REFUSALS: dict[str, set[tuple[int, int, str]]] = {
    "GET /search_user": set(),
    "GET /search_user_detail": {(404, -1, "User not found")},
    "POST /add_friend": {
        (404, -1, "User not found or deleted"),
        (403, -4, "Already friends"),
        (403, -5, "Friend request already sent"),
        (403, -6, "Can not add yourself as friend"),
    },
    "GET /friend_requests": set(),
    "POST /friend_request_handle": {
        (404, -1, "User deleted"),
        (403, -5, "Request not found"),
        (403, -4, "Already friends"),
    },
    "DELETE /friend_request_handle": {
        (404, -1, "User deleted"),
        (403, -5, "Request not found"),
        (403, -4, "Already friends"),
    },
    "GET /friends": set(),
    "GET /manage_friends": {(404, -1, "User not found"), (404, -1, "Friend not found")},
    "DELETE /manage_friends": {(404, -1, "Friend not found"), (404, -3, "Already not friend")},
    "GET /groups": set(),
    "POST /groups": {(409, -1, "Group already exists")},
    "GET /groups/manage_groups": {(404, -1, "Group not found")},
    "PUT /groups/manage_groups": {(404, -1, "Group not found"), (409, -1, "Name already exists")},
    "DELETE /groups/manage_groups": {(404, -1, "Group not found")},
    "GET /groups/members": {(404, -1, "Group not found")},
    "POST /groups/members": {
        (404, -3, "Group not found"),
        (404, -1, "Member is not friend"),
        (400, -3, "Member already in group"),
    },
    "DELETE /groups/members": {(404, -3, "Group not found"), (400, -3, "Member not in group")},
    "GET /blocks": set(),
    "POST /blocks": {
        (404, -1, "User not found"),
        (403, -6, "Can not block yourself"),
        (403, -9, "Too many blocks"),
    },
    "DELETE /blocks": {(404, -1, "User not found"), (403, -6, "Can not block yourself")},
}
OF_EVERY_ENDPOINT = {(401, -2), (400, -7), (413, -413), (429, -429)}


@pytest.fixture
def document(app: Flask) -> Any:
    """The served OpenAPI document."""
    return app.test_client().get("/openapi.json").json


def _operation(document: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][endpoint.path][endpoint.method.lower()]
    return operation


def _documented_refusals(operation: dict[str, Any]) -> set[tuple[int, int, str]]:
    return {
        (int(status), example["value"]["code"], example["value"]["info"])
        for status, response in operation["responses"].items()
        if status not in ("200", "default")
        for example in response["content"]["application/json"]["examples"].values()
    }


def test_the_document_lists_exactly_the_endpoints_that_are_tested(
    document: dict[str, Any],
) -> None:
    documented = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert documented == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


def test_what_is_served_beside_the_document_is_for_machines(
    app: Flask, document: dict[str, Any]
) -> None:
    served = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"}
    assert served - document["paths"].keys() == {
        "/livez",
        "/readyz",
        "/healthz",
        "/openapi.json",
        "/internal/events",
        "/internal/export",
        "/internal/friendships",
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_an_endpoint_documents_the_refusals_of_the_api_document(
    document: dict[str, Any], endpoint: Endpoint
) -> None:
    documented = _documented_refusals(_operation(document, endpoint))
    own = {row for row in documented if row[:2] not in OF_EVERY_ENDPOINT}
    assert own == REFUSALS[str(endpoint)]


def test_every_row_of_the_catalogue_is_a_refusal_of_some_endpoint() -> None:
    catalogue = {
        (spec.status, spec.code, spec.info)
        for spec in vars(errors).values()
        if isinstance(spec, ErrorSpec)
    }
    assert catalogue == set().union(*REFUSALS.values())


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_an_endpoint_documents_its_parameters(document: dict[str, Any], endpoint: Endpoint) -> None:
    operation = _operation(document, endpoint)
    if endpoint.method in ("GET", "DELETE"):
        required = {field["name"]: field["required"] for field in operation["parameters"]}
    else:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        fields = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        required = {name: name in fields["required"] for name in fields["properties"]}
    assert required == {name: name not in OPTIONAL for name in endpoint.fields}
