"""个人信息管理/account/info."""

from typing import Any

import pytest
from flask import Flask

from auth_service import errors
from auth_service.tests.factories import PASSWORD, data_uri, email_of, encrypted, picture
from shared.testing.client import ApiClient, Reply, assert_error
from shared.web.errors import BAD_PARAMETER, ErrorSpec

FIELDS = ("name", "email", "user_info", "avatar")


def _change(client: ApiClient, **fields: Any) -> Reply:
    return client.put("/account/info", json={"origin_password": PASSWORD, **fields})


def _info(client: ApiClient) -> dict[str, Any]:
    response = client.get("/account/info").json
    return {field: response[field] for field in FIELDS}


def _can_log_in(client: ApiClient, password: str, email: str = email_of("alice")) -> bool:
    body = {"email": email, "password": password}
    return client.post("/account/login", json=body).status_code == 200


def test_everything_can_be_changed_at_once(alice: ApiClient) -> None:
    wanted = {
        "name": "Alicia",
        "email": "Alicia@Example.org",
        "user_info": "你好",
        "avatar": data_uri(picture()),
    }

    response = _change(alice, password=encrypted("new_word"), **wanted).json

    assert response == {"code": 0, "info": "Succeed", "message": "修改成功"}
    assert _info(alice) == wanted
    assert _can_log_in(alice, "new_word", "alicia@example.org")


@pytest.mark.parametrize("origin", [PASSWORD, encrypted(PASSWORD)])
def test_the_original_password_may_travel_either_way(alice: ApiClient, origin: str) -> None:
    assert _change(alice, origin_password=origin, name="A").status_code == 200


@pytest.mark.parametrize("unchanged", [{}, dict.fromkeys((*FIELDS, "password"))])
def test_what_is_absent_or_null_stays(alice: ApiClient, unchanged: dict[str, None]) -> None:
    before = _info(alice)
    assert _change(alice, **unchanged).status_code == 200
    assert _info(alice) == before
    assert _can_log_in(alice, PASSWORD)


def test_changing_the_password_ends_no_token(alice: ApiClient) -> None:
    _change(alice, password="new_word")
    assert alice.get("/account/info").status_code == 200
    assert not _can_log_in(alice, PASSWORD)


def test_ones_own_email_is_not_taken(alice: ApiClient) -> None:
    assert _change(alice, email="ALICE@example.com").status_code == 200
    assert _info(alice)["email"] == "ALICE@example.com"


def test_an_email_that_was_given_up_is_free(alice: ApiClient, bob: ApiClient) -> None:
    _change(alice, email="elsewhere@example.com")
    assert _change(bob, email=email_of("alice")).status_code == 200


def test_info_put_refuses_the_email_of_another(alice: ApiClient, bob: ApiClient) -> None:
    assert_error(_change(bob, email=email_of("ALICE")), errors.USER_EXISTS)


def test_info_put_refuses_the_email_of_a_deleted_account(alice: ApiClient, bob: ApiClient) -> None:
    alice.delete("/account/delete")
    assert_error(_change(bob, email=email_of("alice")), errors.USER_EXISTS)


@pytest.mark.parametrize("origin", ["wrong", "", encrypted("wrong"), "A" * 24])
def test_info_put_refuses_a_wrong_original_password(alice: ApiClient, origin: str) -> None:
    assert_error(_change(alice, origin_password=origin), errors.WRONG_PASSWORD)


BAD: dict[str, tuple[str, ErrorSpec]] = {
    "name": ("x" * 21, errors.NAME_TOO_LONG),
    "email": ("no-address", errors.INVALID_EMAIL),
    "password": ("not legal", errors.INVALID_PASSWORD),
    "user_info": ("長" * 256, BAD_PARAMETER),
    "avatar": ("javascript:alert(1)", BAD_PARAMETER),
}


@pytest.mark.parametrize("field", BAD)
def test_one_bad_field_is_refused_and_nothing_is_changed(alice: ApiClient, field: str) -> None:
    before = _info(alice)
    good = {"name": "New", "email": "new@example.com", "user_info": "new", "avatar": "built-in-1"}
    sent, refusal = BAD[field]

    response = _change(alice, **{**good, "password": "new_word", field: sent})

    assert_error(response, refusal, field=field)
    assert _info(alice) == before
    assert _can_log_in(alice, PASSWORD)


@pytest.mark.parametrize("field", ["name", "email"])
def test_info_put_refuses_an_empty_name_or_email(alice: ApiClient, field: str) -> None:
    assert_error(_change(alice, **{field: ""}), BAD[field][1])


@pytest.mark.parametrize("password", ["", "newline\n", "密码", "x" * 21, "A" * 24])
def test_info_put_refuses_an_illegal_new_password(alice: ApiClient, password: str) -> None:
    assert_error(_change(alice, password=password), errors.INVALID_PASSWORD)


@pytest.mark.parametrize("first", range(len(BAD)))
def test_info_put_refuses_name_then_email_then_password_then_user_info_then_avatar(
    alice: ApiClient, first: int
) -> None:
    bad = {field: sent for field, (sent, _) in list(BAD.items())[first:]}
    field, (_, refusal) = list(BAD.items())[first]
    assert_error(_change(alice, **bad), refusal, field=field)


def test_info_put_refuses_the_original_password_before_everything_else(alice: ApiClient) -> None:
    bad = {field: sent for field, (sent, _) in BAD.items()}
    assert_error(_change(alice, origin_password="wrong", **bad), errors.WRONG_PASSWORD)


def test_info_put_refuses_a_field_of_the_wrong_type_before_the_password(alice: ApiClient) -> None:
    response = _change(alice, origin_password="wrong", avatar=5)
    assert_error(response, BAD_PARAMETER, field="avatar")


def test_a_user_info_of_255_characters_fits(alice: ApiClient) -> None:
    _change(alice, user_info="🙂" * 255)
    assert _info(alice)["user_info"] == "🙂" * 255


def test_a_user_info_can_be_emptied(alice: ApiClient) -> None:
    _change(alice, user_info="something")
    _change(alice, user_info="")
    assert _info(alice)["user_info"] == ""


def test_info_get_takes_no_body(app: Flask, alice: ApiClient) -> None:
    response = alice.get("/account/info", content_type="application/json")
    assert response.status_code == 200
