"""用户注册/account/reg."""

from collections.abc import Callable

import pytest
from flask import Flask

from auth_service import errors
from auth_service.db import db
from auth_service.domain import passwords
from auth_service.models import Account
from auth_service.tests.factories import ALICE, PASSWORD, email_of, encrypted, make_account
from shared.testing.client import ApiClient, Reply, assert_error
from shared.web.errors import ErrorSpec

PRODUCTION_HASHER = passwords._argon2  # The other tests use a cheap one.


def _register(client: ApiClient, email: str = "ann@example.com", **fields: str) -> Reply:
    body = {"email": email, "name": "Ann", "password": encrypted(PASSWORD)} | fields
    return client.post("/account/reg", json=body)


def _login(client: ApiClient, email: str, password: str) -> Reply:
    return client.post("/account/login", json={"email": email, "password": password})


def test_registering_signs_in(app: Flask, anonymous: ApiClient) -> None:
    response = _register(anonymous).json

    info = ApiClient(app, response["token"]).get("/account/info").json

    assert (response["info"], response["message"]) == ("Succeed", "注册成功")
    assert info == {
        "code": 0,
        "info": "Succeed",
        "id": response["id"],
        "name": "Ann",
        "email": "ann@example.com",
        "user_info": "",
        "avatar": "",
        "deleted": False,
    }


def test_an_email_is_trimmed_and_shown_as_given(app: Flask, anonymous: ApiClient) -> None:
    token = _register(anonymous, "  Ann.B@Example.COM ").json["token"]
    assert ApiClient(app, token).get("/account/info").json["email"] == "Ann.B@Example.COM"


@pytest.mark.database
@pytest.mark.parametrize("again", ["alice@example.com", "ALICE@EXAMPLE.COM", " Alice@example.com "])
def test_reg_refuses_an_email_that_is_taken_in_any_spelling(alice: ApiClient, again: str) -> None:
    assert_error(_register(alice, again), errors.USER_EXISTS)


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@exam ple.com",
        "ann@example.com\nBcc: bob@example.com",
        "ann@example.com, bob@example.com",
        '"\x0b"@example.com',
        f"{'a' * 243}@example.com",
        f"{'İ' * 130}@example.com",
    ],
)
def test_reg_refuses_an_invalid_email(anonymous: ApiClient, email: str) -> None:
    assert_error(_register(anonymous, email), errors.INVALID_EMAIL)


@pytest.mark.parametrize("name", ["", "x" * 21, "長" * 21, "🙂" * 21])
def test_reg_refuses_a_name_that_is_empty_or_too_long(anonymous: ApiClient, name: str) -> None:
    assert_error(_register(anonymous, name=name), errors.NAME_TOO_LONG)


@pytest.mark.parametrize("name", ["x", "🙂" * 20, " ", "a\nb"])
def test_a_name_has_1_to_20_characters_of_any_kind(
    app: Flask, anonymous: ApiClient, name: str
) -> None:
    token = _register(anonymous, name=name).json["token"]
    assert ApiClient(app, token).get("/account/info").json["name"] == name


ILLEGAL_PASSWORDS = ["", "with space", "dot.", "密码", "x" * 21, "newline\n", "٣"]


@pytest.mark.parametrize("password", ILLEGAL_PASSWORDS)
def test_reg_refuses_an_illegal_password_however_it_travels(
    anonymous: ApiClient, password: str
) -> None:
    assert_error(_register(anonymous, password=password), errors.PASSWORD_ILLEGAL)
    assert_error(_register(anonymous, password=encrypted(password)), errors.PASSWORD_ILLEGAL)


@pytest.mark.parametrize(
    "ciphertext",
    [
        encrypted(PASSWORD, key="another-key-1234"),
        encrypted(PASSWORD)[:-3],
        "A" * 24,
        "A" * 10_000,
        "!" * 24,
        "密" * 24,
    ],
)
def test_reg_refuses_a_ciphertext_that_does_not_decrypt(
    anonymous: ApiClient, ciphertext: str
) -> None:
    assert_error(_register(anonymous, password=ciphertext), errors.PASSWORD_ILLEGAL)


@pytest.mark.parametrize("password", ["x", "a" * 15, "a" * 16, "A_9" * 6 + "zz"])
def test_a_password_is_the_same_plain_and_encrypted(anonymous: ApiClient, password: str) -> None:
    _register(anonymous, password=encrypted(password))
    assert _login(anonymous, "ann@example.com", password).status_code == 200
    assert _login(anonymous, "ann@example.com", encrypted(password)).status_code == 200


def _wrapped(ciphertext: str) -> str:
    return f" {ciphertext[:10]}\r\n{ciphertext[10:]}\n"


@pytest.mark.parametrize(
    "written", [lambda sent: f"{sent}\n", _wrapped, lambda sent: sent.rstrip("=")]
)
def test_a_ciphertext_is_base64_as_encoders_write_it(
    anonymous: ApiClient, written: Callable[[str], str]
) -> None:
    _register(anonymous)
    sent = written(encrypted(PASSWORD))
    assert _login(anonymous, "ann@example.com", sent).status_code == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [("ann@München.de", "ann@xn--mnchen-3ya.de"), ("ann@例子.中国", "ANN@XN--fsqu00a.xn--fiqs8s")],
)
def test_two_spellings_of_a_mailbox_are_one_account(
    anonymous: ApiClient, one: str, other: str
) -> None:
    assert _register(anonymous, email=one).status_code == 200
    assert _login(anonymous, other, PASSWORD).status_code == 200
    assert_error(_register(anonymous, email=other), errors.USER_EXISTS)


def test_a_similar_address_is_another_account(anonymous: ApiClient) -> None:
    assert _register(anonymous, email="\N{KELVIN SIGN}elvin@example.com").status_code == 200
    assert _register(anonymous, email="kelvin@example.com").status_code == 200


def test_plain_passwords_can_be_turned_off(configured: Callable[..., ApiClient]) -> None:
    strict = configured(PASSWORD_TRANSPORT="encrypted")
    assert_error(_register(strict, password=PASSWORD), errors.PASSWORD_ILLEGAL)
    assert _register(strict, password=encrypted(PASSWORD)).status_code == 200


def test_passwords_travel_under_the_key_of_the_settings(
    configured: Callable[..., ApiClient],
) -> None:
    service = configured(PASSWORD_TRANSPORT_KEY="another-key-1234")
    assert_error(_register(service), errors.PASSWORD_ILLEGAL)
    own = encrypted(PASSWORD, key="another-key-1234")
    assert _register(service, password=own).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"email": "ann", "name": "", "password": "-"}, errors.INVALID_EMAIL),
        ({"email": email_of("alice"), "name": "", "password": "-"}, errors.NAME_TOO_LONG),
        ({"email": email_of("alice"), "password": "-"}, errors.PASSWORD_ILLEGAL),
        ({"email": email_of("alice")}, errors.USER_EXISTS),
    ],
)
def test_reg_refuses_the_email_first_then_name_then_password_then_the_known_user(
    alice: ApiClient, wrong: dict[str, str], refusal: ErrorSpec
) -> None:
    assert_error(_register(alice, **wrong), refusal)


def test_registering_with_the_old_password_restores_a_deleted_account(
    app: Flask, alice: ApiClient, anonymous: ApiClient
) -> None:
    alice.delete("/account/delete")

    response = _register(anonymous, email_of("ALICE"), name="Alice again").json

    assert (response["message"], response["id"]) == ("已恢复账户", ALICE)
    info = ApiClient(app, response["token"]).get("/account/info").json
    assert (info["name"], info["deleted"]) == ("Alice again", False)


def test_reg_with_another_password_does_not_restore_a_deleted_account(
    alice: ApiClient, anonymous: ApiClient
) -> None:
    alice.delete("/account/delete")
    assert_error(_register(anonymous, email_of("alice"), password="other"), errors.USER_EXISTS)
    assert alice.get("/account/info").json["deleted"] is True


def test_an_account_can_be_deleted_and_restored_again_and_again(
    app: Flask, anonymous: ApiClient
) -> None:
    make_account(app, ALICE, "Alice", deleted=True, generation=7)
    first = ApiClient(app, _register(anonymous, email_of("alice")).json["token"])
    first.delete("/account/delete")
    second = ApiClient(app, _register(anonymous, email_of("alice")).json["token"])
    assert second.get("/account/info").json["deleted"] is False
    assert first.get("/account/info").status_code == 401


def test_passwords_rest_as_argon2id(
    app: Flask, anonymous: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_argon2", PRODUCTION_HASHER)
    _register(anonymous)
    with app.app_context():
        password_hash = db.session.execute(db.select(Account.password_hash)).scalar_one()
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
