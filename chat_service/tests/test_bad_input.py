"""Invalid requests: the response names the wrong field (every endpoint of the API document)."""

import json
from typing import Any

import pytest
from flask import Flask

from chat_service.tests.endpoints import ENDPOINTS, IN_QUERY, OTHERS, WITH_FIELDS, Endpoint
from chat_service.tests.factories import make_account, make_group
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, assert_error, expected_error
from shared.testing.invalid_inputs import (
    NOT_IDS,
    NOT_OBJECTS,
    NOT_TEXTS,
    TOO_DEEP,
    forged_token,
    invalid_tokens,
)
from shared.web.account_state import SessionEnds
from shared.web.errors import BAD_PARAMETER, INVALID_JWT, NOT_FOUND, ErrorSpec

NAMES = {"conversationId", "conversation_id"}
NOT_FLAGS: tuple[Any, ...] = (1, 0, "true", "", [], {})
NOT_COUNTS: tuple[Any, ...] = (-1, 1_000_000, 10**30, 1.5, "", "x", "-1", "1000000", "٣", [], {})
NOT_TIMES: tuple[Any, ...] = (
    5,
    True,
    [],
    {},
    "",
    "yesterday",
    "2025-03-13",
    "2025-13-13T14:30:00Z",
    "nul\x00",
)
NOT_LISTS: tuple[Any, ...] = ([], [-1], [True], [[1]], [1, "x"], {}, "x", True, -1)
TOO_MANY_IDS = range(1, 1002)
NOT_VERSIONS: tuple[Any, ...] = (
    [],
    [[1, 1]],
    "x",
    5,
    True,
    {"x": 1},
    {"-1": 1},
    {"1": None},
    {"1": -1},
    {"1": True},
    {"1": "x"},
    {"1": {}},
    dict.fromkeys(map(str, TOO_MANY_IDS), 1),
)
BAD_VALUES_OF: dict[str, tuple[Any, ...]] = {
    "ontop": NOT_FLAGS,
    "notification": NOT_FLAGS,
    "unreads": NOT_COUNTS,
    "from": NOT_TIMES,
    "start_time": NOT_TIMES,
    "end_time": NOT_TIMES,
    "members": (*NOT_LISTS, 5, "5"),
    "message_ids": (*NOT_LISTS, 5, "5"),
    "member_id": NOT_LISTS,
    "conversation_ids": ([-1], [True], [[1]], [1, "x"], [None], {}, "x", 5, list(TOO_MANY_IDS)),
    "versions": NOT_VERSIONS,
    "read": (1, 0, "1", "True", "yes", "", [], {}),
    "limit": (*NOT_IDS, 0, 1001),
    "client_id": (*NOT_TEXTS, "x" * 65),
    "name": (*NOT_TEXTS, "", "長" * 101),
    "sender_name": (*NOT_TEXTS, "長" * 256),
}


def _list_invalid_values(field: str, good: Any) -> tuple[Any, ...]:
    return BAD_VALUES_OF.get(field, NOT_IDS if isinstance(good, int) else NOT_TEXTS)


FIELDS = [(endpoint, field) for endpoint in WITH_FIELDS for field in endpoint.fields]


def test_every_documented_endpoint_is_tested(app: Flask) -> None:
    document: Any = app.test_client().get("/openapi.json").json
    documented = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item.keys() - {"parameters"}
    }
    tested = {(e.method, e.path.replace("/1/", "/{conversation_id}/")) for e in ENDPOINTS}
    assert documented == tested | OTHERS


@pytest.mark.parametrize(("endpoint", "field"), FIELDS, ids=str)
def test_an_invalid_value_names_the_field(alice: ApiClient, endpoint: Endpoint, field: str) -> None:
    bad_values = _list_invalid_values(field, endpoint.fields[field])
    bodies = [json.dumps({**endpoint.fields, field: bad}) for bad in bad_values]
    responses = alice.list_responses(
        endpoint.method, endpoint.path, *({"data": body} for body in bodies)
    )
    assert responses == [expected_error(BAD_PARAMETER, field=field)]


@pytest.mark.parametrize(
    ("endpoint", "field"), [(e, field) for e in WITH_FIELDS for field in e.required], ids=str
)
def test_a_missing_or_null_field_is_named(alice: ApiClient, endpoint: Endpoint, field: str) -> None:
    rest = {name: value for name, value in endpoint.fields.items() if name != field}
    responses = alice.list_responses(
        endpoint.method, endpoint.path, {"json": rest}, {"json": {**rest, field: None}}
    )
    assert responses == [expected_error(BAD_PARAMETER, field=field)]


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_a_body_that_is_no_json_object_is_refused(alice: ApiClient, endpoint: Endpoint) -> None:
    responses = alice.list_responses(
        endpoint.method, endpoint.path, *({"data": body} for body in (*NOT_OBJECTS, TOO_DEEP))
    )
    assert responses == [expected_error(BAD_PARAMETER, field="body")]


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
def test_json_is_parsed_with_any_content_type(alice: ApiClient, endpoint: Endpoint) -> None:
    body = json.dumps(endpoint.fields)
    types = ("text/plain", "multipart/form-data", "")
    responses = alice.list_responses(
        endpoint.method, endpoint.path, *({"data": body, "content_type": t} for t in types)
    )
    assert BAD_PARAMETER.code not in [answer["code"] for _, answer in responses]


@pytest.mark.parametrize("endpoint", [e for e in WITH_FIELDS if e.method in IN_QUERY], ids=str)
def test_get_and_delete_prefer_the_query_string_to_the_body(
    alice: ApiClient, endpoint: Endpoint
) -> None:
    wrong: dict[str, object] = {field: {} for field in endpoint.fields}
    response = alice.call(endpoint.method, endpoint.path, query_string=endpoint.fields, json=wrong)
    assert response.json["code"] != BAD_PARAMETER.code


@pytest.mark.parametrize("endpoint", [e for e in WITH_FIELDS if NAMES & e.fields.keys()], ids=str)
def test_both_names_of_the_conversation_id_accept_numbers_and_strings(
    alice: ApiClient, endpoint: Endpoint
) -> None:
    rest = {field: value for field, value in endpoint.fields.items() if field not in NAMES}
    responses = alice.list_responses(
        endpoint.method, endpoint.path, *({"json": {**rest, name: "1"}} for name in NAMES)
    )
    assert BAD_PARAMETER.code not in [answer["code"] for _, answer in responses]


@pytest.mark.parametrize("conversation_id", ["-1", "x", str(2**63)])
def test_an_invalid_id_in_a_path_is_named(alice: ApiClient, conversation_id: str) -> None:
    response = alice.get(f"/conversations/{conversation_id}/invitation")
    assert_error(response, BAD_PARAMETER, field="conversation_id")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_trailing_slash_is_not_found(alice: ApiClient, endpoint: Endpoint) -> None:
    assert_error(alice.call(endpoint.method, f"{endpoint.path}/"), NOT_FOUND)


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS}))
def test_a_wrong_method_is_refused_with_the_allowed_ones(alice: ApiClient, path: str) -> None:
    response = alice.call("PATCH", path)
    assert_error(response, ErrorSpec(405, -405, "Bad method"))
    allowed = {name.strip() for name in response.headers["Allow"].split(",")}
    assert {e.method for e in ENDPOINTS if e.path == path} <= allowed


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_bad_token_is_refused_before_the_body_is_read(
    anonymous: ApiClient, endpoint: Endpoint
) -> None:
    headers = [{"Authorization": token} for token in ("", forged_token(ALICE))]
    requests = [{"headers": each, "data": b"{"} for each in headers]
    responses = anonymous.list_responses(endpoint.method, endpoint.path, *requests)
    assert responses == [expected_error(INVALID_JWT)]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
@pytest.mark.parametrize(
    "state",
    [
        {"deleted": True, "generation": 1},
        {"generation": 1},
        {"session_ends": SessionEnds(tokens_open=False).to_text()},
    ],
    ids=["deleted", "restored", "signed out"],
)
def test_the_token_of_an_account_that_ended_it_is_refused_before_anything_else(
    app: Flask, alice: ApiClient, endpoint: Endpoint, state: dict[str, Any]
) -> None:
    group = make_group(app, ALICE, BOB)
    make_account(app, ALICE, "Alice", version=2, **state)
    fields = {name: group if name in NAMES else value for name, value in endpoint.fields.items()}
    bodies: list[dict[str, Any]] = [{"json": fields}, {"json": endpoint.fields}, {"data": b"{"}]
    assert alice.list_responses(endpoint.method, endpoint.path, *bodies) == [
        expected_error(INVALID_JWT)
    ]


def test_every_bad_token_is_refused(anonymous: ApiClient) -> None:
    requests = [{"headers": {"Authorization": token}} for token in invalid_tokens(ALICE).values()]
    assert anonymous.list_responses("GET", "/conversations", *requests) == [
        expected_error(INVALID_JWT)
    ]


def test_refused_settings_change_nothing(app: Flask, alice: ApiClient) -> None:
    group = make_group(app, ALICE, BOB)
    before = alice.get("/interface", json={"conversation_id": group}).json
    alice.post("/interface", json={"conversationId": group, "ontop": True, "unreads": "many"})
    assert alice.get("/interface", json={"conversation_id": group}).json == before
