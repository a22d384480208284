"""Requests without a valid token are rejected before their input is read.

`shared/tests/test_authentication.py` tests more invalid tokens.
"""

from typing import Any

import pytest
from flask import Flask

from shared.testing.cast import ALICE
from shared.testing.client import ApiClient, assert_error, expected_error
from shared.testing.invalid_inputs import forged_token, invalid_tokens
from shared.testing.tokens import issue
from shared.web.errors import INVALID_JWT
from social_service.tests.endpoints import ENDPOINTS, OPEN_TO_DELETED, Endpoint
from social_service.tests.factories import delete_account, make_account


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_bad_token_is_refused_before_the_body_is_read(
    anonymous: ApiClient, endpoint: Endpoint
) -> None:
    headers = [{"Authorization": token} for token in ("", forged_token(ALICE))]
    requests = [{"headers": each, "data": b"{"} for each in headers]
    responses = anonymous.list_responses(endpoint.method, endpoint.path, *requests)
    assert responses == [expected_error(INVALID_JWT)]


def test_every_bad_token_is_refused(anonymous: ApiClient) -> None:
    requests = [{"headers": {"Authorization": token}} for token in invalid_tokens(ALICE).values()]
    assert anonymous.list_responses("GET", "/friends", *requests) == [expected_error(INVALID_JWT)]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("path", ["/nowhere", "/groups/nothing", "/friends", "/internal"])
def test_a_stranger_does_not_learn_what_is_served(
    anonymous: ApiClient, method: str, path: str
) -> None:
    assert_error(anonymous.call(method, path), INVALID_JWT)


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
def test_a_token_is_taken_raw_or_as_bearer(app: Flask, prefix: str) -> None:
    assert ApiClient(app, prefix + issue(ALICE)).get("/friends").status_code == 200


@pytest.mark.parametrize(
    "endpoint", [e for e in ENDPOINTS if e.path not in OPEN_TO_DELETED], ids=str
)
def test_the_token_of_a_deleted_account_is_refused(
    app: Flask, alice: ApiClient, endpoint: Endpoint
) -> None:
    delete_account(app, ALICE)
    bodies: list[dict[str, Any]] = [{"json": endpoint.fields}, {"data": b"{"}]
    assert alice.list_responses(endpoint.method, endpoint.path, *bodies) == [
        expected_error(INVALID_JWT)
    ]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_restored_account_needs_a_new_token(
    app: Flask, alice: ApiClient, endpoint: Endpoint
) -> None:
    make_account(app, ALICE, generation=1, version=3)
    response = alice.call(endpoint.method, endpoint.path, json=endpoint.fields)
    assert_error(response, INVALID_JWT)


def test_a_restored_accounts_new_token_works(app: Flask) -> None:
    make_account(app, ALICE, generation=1, version=3)
    assert ApiClient(app, issue(ALICE, 1)).get("/friends").status_code == 200


def test_a_deleted_account_that_was_deleted_before_has_one_last_token(app: Flask) -> None:
    make_account(app, ALICE, deleted=True, generation=2, version=4)
    body = {"target_id": 2}
    assert ApiClient(app, issue(ALICE, 1)).post("/add_friend", json=body).status_code == 404
    assert_error(ApiClient(app, issue(ALICE, 0)).post("/add_friend", json=body), INVALID_JWT)
