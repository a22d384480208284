"""Whatever is wrong with a request, the answer names it (contract of every endpoint)."""

import json
from typing import Any

import pytest

from auth_service.tests.endpoints import ENDPOINTS, WITH_FIELDS, Endpoint, optional_fields
from shared.testing.client import Caller, assert_error
from shared.testing.hostile import NOT_OBJECTS, NOT_TEXTS, TOO_DEEP
from shared.web.errors import BAD_PARAMETER, METHOD_NOT_ALLOWED, NOT_FOUND, PAYLOAD_TOO_LARGE

FIELDS = [(endpoint, field) for endpoint in WITH_FIELDS for field in endpoint.fields]
REQUIRED = [(e, field) for e, field in FIELDS if field not in optional_fields(e)]


@pytest.mark.parametrize("bad", NOT_TEXTS, ids=ascii)
@pytest.mark.parametrize(("endpoint", "field"), FIELDS, ids=str)
def test_a_bad_value_is_refused_by_the_fields_name(
    alice: Caller, endpoint: Endpoint, field: str, bad: Any
) -> None:
    body = json.dumps({**endpoint.fields, field: bad})
    response = alice.call(endpoint.method, endpoint.path, data=body)
    assert_error(response, BAD_PARAMETER, field=field)


@pytest.mark.parametrize("empty", [{}, {"null": None}], ids=["missing", "null"])
@pytest.mark.parametrize(("endpoint", "field"), REQUIRED, ids=str)
def test_a_required_field_that_is_missing_or_null_is_named(
    alice: Caller, endpoint: Endpoint, field: str, empty: dict[str, None]
) -> None:
    rest = {name: value for name, value in endpoint.fields.items() if name != field}
    body = {**rest, **dict.fromkeys([field] if empty else [])}
    response = alice.call(endpoint.method, endpoint.path, json=body)
    assert_error(response, BAD_PARAMETER, field=field)


@pytest.mark.parametrize("body", [*NOT_OBJECTS, TOO_DEEP, b""], ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_a_body_that_is_no_json_object_is_refused_as_the_body(
    alice: Caller, endpoint: Endpoint, body: bytes
) -> None:
    response = alice.call(endpoint.method, endpoint.path, data=body)
    assert_error(response, BAD_PARAMETER, field="body")


@pytest.mark.parametrize("endpoint", [e for e in WITH_FIELDS if e.method == "POST"], ids=str)
def test_a_body_beyond_64_kib_is_too_large(anyone: Caller, endpoint: Endpoint) -> None:
    body = {**endpoint.fields, "email": "x" * 65_536}
    assert_error(anyone.call(endpoint.method, endpoint.path, json=body), PAYLOAD_TOO_LARGE)


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", ""])
@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_json_is_read_whatever_its_content_type_says(
    alice: Caller, endpoint: Endpoint, content_type: str
) -> None:
    body = json.dumps(endpoint.fields)
    answer = alice.call(endpoint.method, endpoint.path, data=body, content_type=content_type)
    assert answer.json["code"] != BAD_PARAMETER.code


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_fields_that_nobody_knows_are_ignored(alice: Caller, endpoint: Endpoint) -> None:
    body = {**endpoint.fields, "unknown": ["\x00"]}
    answer = alice.call(endpoint.method, endpoint.path, json=body)
    assert answer.json["code"] != BAD_PARAMETER.code


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_path_that_differs_by_a_slash_is_not_found(alice: Caller, endpoint: Endpoint) -> None:
    assert_error(alice.call(endpoint.method, f"{endpoint.path}/"), NOT_FOUND)


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS}))
def test_another_method_of_a_path_is_refused_with_those_allowed(alice: Caller, path: str) -> None:
    response = alice.call("PATCH", path)
    assert_error(response, METHOD_NOT_ALLOWED)
    allowed = {name.strip() for name in response.headers["Allow"].split(",")}
    assert {e.method for e in ENDPOINTS if e.path == path} <= allowed
