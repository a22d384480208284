"""用户登录/account/login."""

from typing import Any

import jwt
import pytest
from argon2.low_level import verify_secret
from flask import Flask

from auth_service import errors
from auth_service.tests.factories import ALICE, PASSWORD, email_of, encrypted, make_account
from shared.keys import load_public_keys
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.tokens import PUBLIC_KEYS_PEM
from shared.web.authentication import AUDIENCE


def _login(client: ApiClient, email: str = email_of("alice"), password: str = PASSWORD) -> Reply:
    return client.post("/account/login", json={"email": email, "password": password})


@pytest.mark.parametrize("email", ["alice@example.com", " ALICE@EXAMPLE.com "])
def test_signing_in_gives_a_token(
    app: Flask, alice: ApiClient, anonymous: ApiClient, email: str
) -> None:
    response = _login(anonymous, email).json
    assert (
        ApiClient(app, response["token"]).get("/account/info").json["id"] == response["id"] == ALICE
    )


def test_login_refuses_an_unknown_user(anonymous: ApiClient) -> None:
    assert_error(_login(anonymous), errors.USER_NOT_FOUND)


def test_login_refuses_an_invalid_email(anonymous: ApiClient) -> None:
    assert_error(_login(anonymous, "alice"), errors.INVALID_EMAIL)


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_login_refuses_a_deleted_user_before_looking_at_the_password(
    app: Flask, anonymous: ApiClient, password: str
) -> None:
    make_account(app, ALICE, "Alice", deleted=True, generation=1)
    assert_error(_login(anonymous, password=password), errors.USER_DELETED)


@pytest.mark.parametrize(
    "password",
    ["wrong", encrypted("wrong"), "", PASSWORD.upper(), f"{PASSWORD}\n", "A" * 24, "x" * 9_999],
)
def test_login_refuses_a_wrong_password(alice: ApiClient, password: str) -> None:
    assert_error(_login(alice, password=password), errors.WRONG_PASSWORD)


def test_a_token_says_whose_it_is_for_seven_days_and_who_signed_it(alice: ApiClient) -> None:
    token = _login(alice).json["token"]
    [(kid, key)] = load_public_keys(PUBLIC_KEYS_PEM).items()

    claims = jwt.decode(token, key, ["EdDSA"], audience=AUDIENCE)

    assert jwt.get_unverified_header(token)["kid"] == kid
    assert (claims["sub"], claims["generation"], claims["type"]) == (str(ALICE), 0, "access")
    assert claims["exp"] - claims["iat"] == 7 * 24 * 3600


def test_two_tokens_of_one_moment_differ(alice: ApiClient) -> None:
    assert _login(alice).json["token"] != _login(alice).json["token"]


@pytest.mark.parametrize("password", [PASSWORD, "wrong", "", "x" * 300, encrypted("wrong"), "%"])
def test_every_password_costs_the_same_work(
    alice: ApiClient, anonymous: ApiClient, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    verified: list[bytes] = []

    def noted(password_hash: bytes, *tried: Any) -> bool:
        verified.append(password_hash)
        return verify_secret(password_hash, *tried)

    monkeypatch.setattr("argon2._password_hasher.verify_secret", noted)
    _login(anonymous, password=password)
    assert len(verified) == 1
