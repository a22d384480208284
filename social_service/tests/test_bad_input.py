"""The error of invalid input names the field (contract of every endpoint)."""

import json
from typing import Any

import pytest

from shared.testing.client import ApiClient, assert_error, expected_error
from shared.testing.invalid_inputs import NOT_IDS, NOT_OBJECTS, NOT_TEXTS, TOO_DEEP
from shared.web.errors import BAD_PARAMETER, NOT_FOUND, ErrorSpec
from social_service.tests.endpoints import ENDPOINTS, OPTIONAL, WITH_FIELDS, Endpoint

LONGEST = {"message": 255, "name": 100, "new_name": 100}
NEVER_EMPTY = {"query_name", "name", "new_name"}


def _bad_values(field: str, good: Any) -> list[Any]:
    if isinstance(good, int):
        return list(NOT_IDS)
    too_long = ["長" * (LONGEST[field] + 1)] if field in LONGEST else []
    empty = [""] if field in NEVER_EMPTY else []
    return [*NOT_TEXTS, *too_long, *empty]


FIELDS = [(endpoint, field) for endpoint in WITH_FIELDS for field in endpoint.fields]


@pytest.mark.parametrize(("endpoint", "field"), FIELDS, ids=str)
def test_a_bad_value_is_refused_by_the_fields_name(
    alice: ApiClient, endpoint: Endpoint, field: str
) -> None:
    bad_values = _bad_values(field, endpoint.fields[field])
    bodies = [json.dumps({**endpoint.fields, field: bad}) for bad in bad_values]
    responses = alice.list_responses(
        endpoint.method, endpoint.path, *({"data": body} for body in bodies)
    )
    assert responses == [expected_error(BAD_PARAMETER, field=field)]


@pytest.mark.parametrize(
    ("endpoint", "field"), [(e, field) for e, field in FIELDS if field not in OPTIONAL], ids=str
)
def test_a_required_field_that_is_missing_or_null_is_named(
    alice: ApiClient, endpoint: Endpoint, field: str
) -> None:
    rest = {name: value for name, value in endpoint.fields.items() if name != field}
    empty = {"json": rest}, {"json": {**rest, field: None}}
    responses = alice.list_responses(endpoint.method, endpoint.path, *empty)
    assert responses == [expected_error(BAD_PARAMETER, field=field)]


def test_a_null_message_is_no_message(alice: ApiClient, bob: ApiClient) -> None:
    alice.post("/add_friend", json={"target_id": bob.id, "message": None})
    [received] = bob.get("/friend_requests").json["requests"]
    assert received["message"] == ""


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_a_body_that_is_no_json_object_is_refused_as_the_body(
    alice: ApiClient, endpoint: Endpoint
) -> None:
    bodies = [{"data": body} for body in (*NOT_OBJECTS, TOO_DEEP)]
    responses = alice.list_responses(endpoint.method, endpoint.path, *bodies)
    assert responses == [expected_error(BAD_PARAMETER, field="body")]


@pytest.mark.parametrize(
    "endpoint", [e for e in WITH_FIELDS if e.method in ("POST", "PUT")], ids=str
)
def test_an_absent_body_is_refused_as_the_body(alice: ApiClient, endpoint: Endpoint) -> None:
    response = alice.call(endpoint.method, endpoint.path)
    assert_error(response, BAD_PARAMETER, field="body")


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_json_is_read_with_any_content_type(alice: ApiClient, endpoint: Endpoint) -> None:
    body = json.dumps(endpoint.fields)
    types = ("application/json", "text/plain", "multipart/form-data", "")
    requests = [{"data": body, "content_type": given} for given in types]
    responses = alice.list_responses(endpoint.method, endpoint.path, *requests)
    assert BAD_PARAMETER.code not in [response["code"] for _, response in responses]


@pytest.mark.parametrize(
    "endpoint", [e for e in WITH_FIELDS if e.method in ("GET", "DELETE")], ids=str
)
def test_get_and_delete_take_the_query_string_before_the_body(
    alice: ApiClient, endpoint: Endpoint
) -> None:
    wrong: dict[str, object] = {field: [] for field in endpoint.fields}
    response = alice.call(endpoint.method, endpoint.path, query_string=endpoint.fields, json=wrong)
    assert response.json["code"] != BAD_PARAMETER.code


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_path_that_differs_by_a_slash_is_not_found(alice: ApiClient, endpoint: Endpoint) -> None:
    assert_error(alice.call(endpoint.method, f"{endpoint.path}/"), NOT_FOUND)


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS}))
def test_another_method_of_a_path_is_refused_with_those_allowed(
    alice: ApiClient, path: str
) -> None:
    response = alice.call("PATCH", path)
    assert_error(response, ErrorSpec(405, -405, "Bad method"))
    allowed = {name.strip() for name in response.headers["Allow"].split(",")}
    assert {e.method for e in ENDPOINTS if e.path == path} <= allowed
