"""Resetting a forgotten password with a code sent by mail."""

import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from flask import Flask

from auth_service import errors
from auth_service.db import db
from auth_service.domain import password_reset
from auth_service.models import ResetCode
from auth_service.tests.factories import ALICE, PASSWORD, email_of, encrypted
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.databases import counted_queries, everything_in
from shared.testing.races import run_concurrently
from shared.web.errors import INVALID_JWT, TOO_MANY_REQUESTS

NEW = "another_1"
ALICE_AT = email_of("alice")


@pytest.fixture
def letters(app: Flask, env: Mapping[str, str]) -> Callable[[], list[EmailMessage]]:
    """Run the sender; return the mails that were sent since the last call."""
    folder = Path(env["DATA_DIR"]) / "mail"

    def send() -> list[EmailMessage]:
        shutil.rmtree(folder, ignore_errors=True)
        with app.app_context():
            password_reset.send_waiting()
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]

    return send


Letters = Callable[[], list[EmailMessage]]


def request_code(client: ApiClient, email: str = ALICE_AT) -> Reply:
    return client.post("/account/password/forgot", json={"email": email})


def reset(
    client: ApiClient,
    code: str,
    password: str = NEW,
    email: str = ALICE_AT,
    address: str = "192.0.2.1",
) -> Reply:
    body = {"email": email, "code": code, "password": password}
    headers = {"X-Forwarded-For": address}
    return client.post("/account/password/reset", json=body, headers=headers)


def login(client: ApiClient, password: str) -> int:
    body = {"email": ALICE_AT, "password": password}
    return client.post("/account/login", json=body).status_code


def codes_in(letters: list[EmailMessage]) -> list[str]:
    codes = []
    for letter in letters:
        text = letter.get_body(("plain",))
        assert text is not None
        codes += re.findall(r"\b\d{8}\b", text.get_content())
    return codes


def code_of(client: ApiClient, letters: Letters) -> str:
    request_code(client)
    [code] = codes_in(letters())
    return code


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


def test_a_code_resets_the_password_and_ends_all_sessions(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)

    response = reset(anonymous, f" {code} ", encrypted(NEW))

    assert (response.status_code, response.json["message"]) == (200, "修改成功")
    assert (login(anonymous, PASSWORD), login(anonymous, NEW)) == (401, 200)
    assert_error(alice.get("/account/info"), INVALID_JWT)


def test_the_letter_speaks_two_languages_in_text_and_html(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    request_code(anonymous)
    [letter] = letters()
    [code] = codes_in([letter])
    html = letter.get_body(("html",))
    assert html is not None
    for part in (letter.get_body(("plain",)), html):
        assert part is not None
        assert all(text in part.get_content() for text in (code, "重置密码", "reset the password"))
    assert letter["To"] == "Alice@Example.com"


@pytest.mark.parametrize("email", [ALICE_AT, "unknown@example.com"])
def test_no_response_reveals_whether_an_address_is_registered(
    app: Flask, alice: ApiClient, anonymous: ApiClient, letters: Letters, email: str
) -> None:
    with counted_queries(app, db) as requesting:
        response = request_code(anonymous, email)
    letters()
    with counted_queries(app, db) as guessing:
        assert_error(reset(anonymous, "x", email=email), errors.INVALID_CODE)

    assert response.json == {
        "code": 0,
        "info": "Succeed",
        "message": "如果该邮箱已注册，验证码已发送",
    }
    assert (len(requesting), len(guessing)) == (1, 2)


def test_a_deleted_account_gets_no_letter(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    alice.delete("/account/delete")
    request_code(anonymous)
    assert letters() == []


def test_the_code_of_an_account_deleted_since_does_not_work(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)
    alice.delete("/account/delete")
    assert_error(reset(anonymous, code), errors.INVALID_CODE)


def test_codes_are_stored_hashed(
    app: Flask, alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)
    assert code not in everything_in(app, db)


def test_a_code_works_once(alice: ApiClient, anonymous: ApiClient, letters: Letters) -> None:
    code = code_of(anonymous, letters)
    replies = run_concurrently(*[lambda: reset(ApiClient(anonymous.app), code)] * 3)
    assert sorted(reply.status_code for reply in replies) == [200, 400, 400]
    assert_error(reset(anonymous, code), errors.INVALID_CODE)


def test_a_code_of_another_address_does_not_work(
    alice: ApiClient, bob: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)
    assert_error(reset(anonymous, code, email=email_of("bob")), errors.INVALID_CODE)


def test_an_old_code_does_not_work(
    app: Flask, alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)
    with app.app_context():
        with db.transaction():
            eleven_minutes_ago = datetime.now(UTC) - timedelta(minutes=11)
            db.session.query(ResetCode).update({"created_at": eleven_minutes_ago})
        assert_error(reset(anonymous, code), errors.INVALID_CODE)
        password_reset.delete_expired()
        assert db.session.query(ResetCode).count() == 0


def test_the_newest_three_codes_work(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    first, second, *_ = [code_of(anonymous, letters) for _ in range(4)]
    assert_error(reset(anonymous, first), errors.INVALID_CODE)
    assert reset(anonymous, second).status_code == 200


def test_five_wrong_tries_of_one_address_are_the_last(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)
    for _ in range(5):
        assert_error(reset(anonymous, other_than(code)), errors.INVALID_CODE)
    assert_error(reset(anonymous, code), errors.INVALID_CODE)
    assert reset(anonymous, code, address="192.0.2.2").status_code == 200


def test_fifty_wrong_tries_are_the_last_of_all(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)
    for number in range(50):
        reset(anonymous, other_than(code), address=f"192.0.2.{number}")
    assert_error(reset(anonymous, code, address="198.51.100.1"), errors.INVALID_CODE)
    assert reset(anonymous, code_of(anonymous, letters)).status_code == 200


def test_an_illegal_password_costs_no_try(
    alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code = code_of(anonymous, letters)
    for _ in range(6):
        assert_error(reset(anonymous, "x", "not legal!"), errors.INVALID_PASSWORD)
    assert reset(anonymous, code).status_code == 200


@pytest.mark.parametrize("change", [{"password": NEW}, {"email": "alice@example.org"}])
def test_another_password_or_address_voids_codes(
    alice: ApiClient, anonymous: ApiClient, letters: Letters, change: dict[str, str]
) -> None:
    code = code_of(anonymous, letters)
    alice.put("/account/info", json={"origin_password": PASSWORD} | change)
    email = change.get("email", ALICE_AT)
    assert_error(reset(anonymous, code, "third_1", email), errors.INVALID_CODE)


def test_an_invalid_address_is_refused(anonymous: ApiClient) -> None:
    assert_error(request_code(anonymous, "alice"), errors.INVALID_EMAIL)
    assert_error(reset(anonymous, "x", email="alice"), errors.INVALID_EMAIL)


def test_codes_are_limited_like_those_of_verification(
    alice: ApiClient, configured: Callable[..., ApiClient]
) -> None:
    service = configured(RATE_LIMITS="on")
    assert [request_code(service).status_code for _ in range(3)] == [200] * 3
    assert_error(request_code(service), TOO_MANY_REQUESTS)


def test_a_mail_server_that_is_away_is_no_failure_of_the_request(
    alice: ApiClient, configured: Callable[..., ApiClient]
) -> None:
    service = configured(SMTP_URL="smtp://127.0.0.1:9")
    assert request_code(service).status_code == 200
    with service.app.app_context():
        password_reset.send_waiting()


def test_erasing_leaves_no_code(
    app: Flask, alice: ApiClient, anonymous: ApiClient, letters: Letters
) -> None:
    code_of(anonymous, letters)
    request_code(anonymous)
    app.test_cli_runner().invoke(args=["accounts", "erase", str(ALICE), "--yes"])
    assert "alice" not in everything_in(app, db).lower()
