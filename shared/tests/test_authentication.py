"""Authentication: only own tokens are valid, according to the state of their account."""

import time
from collections.abc import Callable, Mapping

import pytest
from flask import Flask

from shared.keys import generate_key_pair
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.invalid_inputs import invalid_tokens
from shared.testing.tokens import PUBLIC_KEYS_PEM, issue
from shared.tests.conftest import ALICE, event
from shared.tests.tiny import create_app, db
from shared.web.errors import INVALID_JWT

Deliver = Callable[..., Reply]


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", "  {}  ", "BEARER   {}"])
def test_a_token_is_taken_raw_or_behind_bearer(app: Flask, alice: ApiClient, form: str) -> None:
    assert ApiClient(app, form.format(issue(ALICE))).get("/me").json["id"] == ALICE


@pytest.mark.parametrize("token", invalid_tokens(ALICE).values(), ids=invalid_tokens(ALICE).keys())
def test_a_token_that_is_not_ours_or_not_valid_is_refused(
    app: Flask, alice: ApiClient, token: str
) -> None:
    assert_error(ApiClient(app, token).get("/me"), INVALID_JWT)


def test_the_clock_of_who_issues_tokens_may_be_a_minute_ahead(app: Flask, alice: ApiClient) -> None:
    ahead = int(time.time()) + 50
    assert ApiClient(app, issue(ALICE, iat=ahead, nbf=ahead)).get("/me").status_code == 200


def test_a_token_of_the_far_future_is_refused(app: Flask, alice: ApiClient) -> None:
    ahead = int(time.time()) + 120
    assert_error(ApiClient(app, issue(ALICE, nbf=ahead)).get("/me"), INVALID_JWT)


def test_a_token_ends_exactly_when_it_says(app: Flask, alice: ApiClient) -> None:
    token = issue(ALICE, exp=int(time.time()) - 1)
    assert_error(ApiClient(app, token).get("/me"), INVALID_JWT)


@pytest.mark.parametrize("scheme", ["Basic {}", "Token {}", "Bearer", "{0} {0}"])
def test_another_scheme_is_refused(app: Flask, alice: ApiClient, scheme: str) -> None:
    assert_error(ApiClient(app, scheme.format(issue(ALICE))).get("/me"), INVALID_JWT)


@pytest.mark.parametrize("generation", [True, "0", 0.0, [0]])
def test_a_generation_that_is_no_integer_is_refused(
    app: Flask, alice: ApiClient, generation: object
) -> None:
    token = issue(ALICE, generation)  # type: ignore[arg-type]
    assert_error(ApiClient(app, token).get("/me"), INVALID_JWT)


def test_a_token_stops_working_when_its_account_is_deleted(
    app: Flask, alice: ApiClient, deliver: Deliver
) -> None:
    assert alice.get("/me").status_code == 200
    deliver(event(deleted=True, generation=1, version=2))
    assert_error(alice.get("/me"), INVALID_JWT)


def test_only_tokens_since_the_restoring_work(
    app: Flask, alice: ApiClient, deliver: Deliver
) -> None:
    deliver(event(generation=1, version=3))
    assert_error(alice.get("/me"), INVALID_JWT)
    assert ApiClient(app, issue(ALICE, 1)).get("/me").status_code == 200


def test_a_bad_token_is_refused_before_the_method_and_the_path(app: Flask) -> None:
    for method, path in (("PUT", "/me"), ("GET", "/nowhere"), ("POST", "/echo")):
        assert_error(ApiClient(app, "bad").call(method, path, data=b"{"), INVALID_JWT)


def test_keys_can_be_rotated(app: Flask, alice: ApiClient, env: Mapping[str, str]) -> None:
    next_private, next_public = generate_key_pair()
    rotated = create_app({**env, "JWT_PUBLIC_KEYS": next_public + PUBLIC_KEYS_PEM})
    old, new = issue(ALICE), issue(ALICE, key_pem=next_private)
    assert [ApiClient(rotated, token).get("/me").status_code for token in (old, new)] == [200, 200]
    with rotated.app_context():
        db.engine.dispose()
