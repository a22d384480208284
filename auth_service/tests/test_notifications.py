"""Mails about a changed password or e-mail address."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from auth_service.db import db, transaction
from auth_service.domain import notifications
from auth_service.models import Notification
from auth_service.tests.factories import ALICE, PASSWORD, email_of, encrypted
from shared.testing.client import ApiClient
from shared.testing.databases import everything_in

pytestmark = pytest.mark.database

Send = Callable[[], list[EmailMessage]]


@pytest.fixture
def folder(env: Mapping[str, str]) -> Iterator[Path]:
    """The folder of written mails, empty."""
    folder = Path(env["DATA_DIR"]) / "mail"
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    if folder.is_file():  # The failure of a test must not affect the mails of others.
        folder.unlink()


@pytest.fixture
def send(app: Flask, folder: Path) -> Send:
    """Run the sender; return all sent mails."""

    def send() -> list[EmailMessage]:
        with app.app_context():
            notifications.send_waiting()
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]

    return send


def change(client: ApiClient, **fields: str) -> None:
    body = {"origin_password": PASSWORD} | fields
    assert client.put("/account/info", json=body).status_code == 200


def test_a_new_password_is_mailed_in_chinese_and_english(alice: ApiClient, send: Send) -> None:
    change(alice, password=encrypted("new_word"))

    [letter] = send()
    assert letter["To"].lower() == email_of("alice")
    text, html = (letter.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert "密码已更改" in text
    assert "was changed" in text
    assert "<p" in html
    assert len(send()) == 1  # Only once.


def test_a_new_address_is_mailed_to_the_former_one(alice: ApiClient, send: Send) -> None:
    change(alice, email="other@example.com")

    [letter] = send()
    assert letter["To"].lower() == email_of("alice")
    assert "other@example.com" not in str(letter)


def test_a_new_name_is_not_mailed(alice: ApiClient, send: Send) -> None:
    change(alice, name="Alicia")

    assert send() == []


def test_a_mail_that_fails_is_tried_again_later_and_not_for_ever(
    app: Flask, alice: ApiClient, folder: Path, send: Send
) -> None:
    folder.touch()  # No folder can be created there.
    change(alice, password=encrypted("new_word"))

    for _ in range(6):
        assert "notifications (" in everything_in(app, db)
        assert send() == []
        with app.app_context(), transaction():
            db.session.execute(update(Notification).values(next_attempt_at=datetime.now(UTC)))

    assert "notifications (" not in everything_in(app, db)


def test_a_mail_that_failed_once_is_sent_then(
    app: Flask, alice: ApiClient, folder: Path, send: Send
) -> None:
    folder.touch()
    change(alice, password=encrypted("new_word"))
    send()
    folder.unlink()
    assert send() == []  # Not immediately.

    with app.app_context(), transaction():
        db.session.execute(update(Notification).values(next_attempt_at=datetime.now(UTC)))

    assert len(send()) == 1


def test_erasing_an_account_deletes_unsent_mails(app: Flask, alice: ApiClient, send: Send) -> None:
    change(alice, email="other@example.com")

    done = app.test_cli_runner().invoke(args=["accounts", "erase", str(ALICE), "--yes"])

    assert done.exit_code == 0
    assert send() == []


def test_erasing_an_account_removes_what_was_written_for_a_former_address(
    app: Flask, alice: ApiClient, send: Send
) -> None:
    change(alice, email="other@example.com")
    assert len(send()) == 1

    app.test_cli_runner().invoke(args=["accounts", "erase", str(ALICE), "--yes"])

    assert send() == []
