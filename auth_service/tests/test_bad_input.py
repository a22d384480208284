"""The error of invalid input names the field (contract of every endpoint)."""

import json

import pytest

from auth_service.tests.endpoints import ENDPOINTS, WITH_FIELDS, Endpoint, optional_fields
from shared.testing.client import ApiClient, assert_error, expected_error
from shared.testing.invalid_inputs import NOT_OBJECTS, NOT_TEXTS, TOO_DEEP
from shared.web.errors import BAD_PARAMETER, METHOD_NOT_ALLOWED, NOT_FOUND, PAYLOAD_TOO_LARGE

FIELDS = [(endpoint, field) for endpoint in WITH_FIELDS for field in endpoint.fields]
REQUIRED = [(e, field) for e, field in FIELDS if field not in optional_fields(e)]


@pytest.mark.parametrize(("endpoint", "field"), FIELDS, ids=str)
def test_a_bad_value_is_refused_by_the_fields_name(
    alice: ApiClient, endpoint: Endpoint, field: str
) -> None:
    bodies = [json.dumps({**endpoint.fields, field: bad}) for bad in NOT_TEXTS]
    responses = alice.list_responses(
        endpoint.method, endpoint.path, *({"data": body} for body in bodies)
    )
    assert responses == [expected_error(BAD_PARAMETER, field=field)]


@pytest.mark.parametrize(("endpoint", "field"), REQUIRED, ids=str)
def test_a_required_field_that_is_missing_or_null_is_named(
    alice: ApiClient, endpoint: Endpoint, field: str
) -> None:
    rest = {name: value for name, value in endpoint.fields.items() if name != field}
    empty = {"json": rest}, {"json": {**rest, field: None}}
    responses = alice.list_responses(endpoint.method, endpoint.path, *empty)
    assert responses == [expected_error(BAD_PARAMETER, field=field)]


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_a_body_that_is_no_json_object_is_refused_as_the_body(
    alice: ApiClient, endpoint: Endpoint
) -> None:
    bodies = [{"data": body} for body in (*NOT_OBJECTS, TOO_DEEP, b"")]
    responses = alice.list_responses(endpoint.method, endpoint.path, *bodies)
    assert responses == [expected_error(BAD_PARAMETER, field="body")]


@pytest.mark.parametrize("endpoint", [e for e in WITH_FIELDS if e.method == "POST"], ids=str)
def test_a_body_beyond_64_kib_is_too_large(anonymous: ApiClient, endpoint: Endpoint) -> None:
    body = {**endpoint.fields, "email": "x" * 65_536}
    assert_error(anonymous.call(endpoint.method, endpoint.path, json=body), PAYLOAD_TOO_LARGE)


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_json_is_read_with_any_content_type(alice: ApiClient, endpoint: Endpoint) -> None:
    body = json.dumps(endpoint.fields)
    types = ("text/plain", "multipart/form-data", "")
    requests = [{"data": body, "content_type": given} for given in types]
    responses = alice.list_responses(endpoint.method, endpoint.path, *requests)
    assert BAD_PARAMETER.code not in [response["code"] for _, response in responses]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_unknown_fields_are_ignored(alice: ApiClient, endpoint: Endpoint) -> None:
    body = {**endpoint.fields, "unknown": ["\x00"]}
    response = alice.call(endpoint.method, endpoint.path, json=body)
    assert response.json["code"] != BAD_PARAMETER.code


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_path_that_differs_by_a_slash_is_not_found(alice: ApiClient, endpoint: Endpoint) -> None:
    assert_error(alice.call(endpoint.method, f"{endpoint.path}/"), NOT_FOUND)


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS}))
def test_another_method_of_a_path_is_refused_with_those_allowed(
    alice: ApiClient, path: str
) -> None:
    response = alice.call("PATCH", path)
    assert_error(response, METHOD_NOT_ALLOWED)
    allowed = {name.strip() for name in response.headers["Allow"].split(",")}
    assert {e.method for e in ENDPOINTS if e.path == path} <= allowed
