"""Requests without a valid token are rejected before their input is read.

`shared/tests/test_authentication.py` tests more invalid tokens.
"""

import pytest
from flask import Flask

from auth_service.tests.endpoints import SIGNED_IN, Endpoint
from auth_service.tests.factories import ALICE
from shared.testing.client import ApiClient, assert_error, expected_error
from shared.testing.invalid_inputs import forged_token, invalid_tokens
from shared.testing.tokens import issue
from shared.web.errors import INVALID_JWT


@pytest.mark.parametrize("endpoint", SIGNED_IN, ids=str)
def test_a_bad_token_is_refused_before_the_body_is_read(
    anonymous: ApiClient, alice: ApiClient, endpoint: Endpoint
) -> None:
    headers = [{"Authorization": token} for token in ("", forged_token(ALICE))]
    requests = [{"headers": each, "data": b"{"} for each in headers]
    responses = anonymous.list_responses(endpoint.method, endpoint.path, *requests)
    assert responses == [expected_error(INVALID_JWT)]


def test_every_bad_token_is_refused(anonymous: ApiClient, alice: ApiClient) -> None:
    requests = [{"headers": {"Authorization": token}} for token in invalid_tokens(ALICE).values()]
    assert anonymous.list_responses("GET", "/account/info", *requests) == [
        expected_error(INVALID_JWT)
    ]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("path", ["/nowhere", "/account", "/account/info", "/internal/accounts"])
def test_a_stranger_does_not_learn_what_is_served(
    anonymous: ApiClient, method: str, path: str
) -> None:
    assert_error(anonymous.call(method, path), INVALID_JWT)


@pytest.mark.parametrize("path", ["/internal/accounts", "/internal/nothing"])
def test_a_users_token_means_nothing_to_internal_endpoints(alice: ApiClient, path: str) -> None:
    assert_error(alice.get(path), INVALID_JWT)


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
def test_a_token_is_taken_raw_or_as_bearer(app: Flask, alice: ApiClient, prefix: str) -> None:
    assert ApiClient(app, prefix + issue(ALICE)).get("/account/info").status_code == 200
