"""The audit log of the auth service."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from auth_service.db import db, transaction
from auth_service.domain.audit import audit
from auth_service.models import AuditEvent
from auth_service.tests.factories import ALICE, PASSWORD, email_of, encrypted, make_account
from shared.testing.audit import events_of
from shared.testing.client import ApiClient, Reply
from shared.testing.databases import everything_in, exported

pytestmark = pytest.mark.database

PHONE = {"X-Forwarded-For": "192.0.2.7", "User-Agent": "Phone/1", "X-Request-Id": "r-1"}


def sign_in(client: ApiClient, password: str = PASSWORD, name: str = "alice") -> Reply:
    body = {"email": email_of(name), "password": password}
    return client.post("/account/login", json=body, headers=PHONE)


def change(client: ApiClient, **fields: str) -> Reply:
    body = {"origin_password": PASSWORD} | fields
    return client.put("/account/info", json=body, headers=PHONE)


def run(app: Flask, *arguments: str) -> None:
    done = app.test_cli_runner().invoke(args=["accounts", *arguments])
    assert done.exit_code == 0, done.output


Act = Callable[[Flask, ApiClient], object]
BY_THE_OWNER: dict[str, Act] = {
    "signed_in": lambda _app, alice: sign_in(alice),
    "session_ended": lambda _app, alice: alice.post("/account/logout", headers=PHONE),
    "other_sessions_ended": lambda _app, alice: alice.delete(
        "/account/sessions", json={"others": True}, headers=PHONE
    ),
    "password_changed": lambda _app, alice: change(alice, password=encrypted("new_word")),
    "email_changed": lambda _app, alice: change(alice, email="other@example.com"),
    "deleted": lambda _app, alice: alice.delete("/account/delete", headers=PHONE),
}
BY_AN_OPERATOR: dict[str, Act] = {
    "password_reset": lambda app, _alice: run(app, "reset-password", str(ALICE), "--generate"),
    "deleted": lambda app, _alice: run(app, "deactivate", str(ALICE)),
    "erased": lambda app, _alice: run(app, "erase", str(ALICE), "--yes"),
}


@pytest.mark.parametrize("act", BY_THE_OWNER)
def test_what_an_owner_does_is_recorded_with_from_where(
    act: str, app: Flask, alice: ApiClient
) -> None:
    BY_THE_OWNER[act](app, alice)

    event = events_of(app, ALICE)[-1]
    assert (event["act"], event["actor_id"], event["subject_id"]) == (act, ALICE, ALICE)
    where = (event["address"], event["device"], event["request_id"])
    assert where == ("192.0.2.7", "Phone/1", "r-1")


@pytest.mark.parametrize("act", BY_AN_OPERATOR)
def test_what_an_operator_does_is_recorded_with_their_name(
    act: str, app: Flask, alice: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "olivia")

    BY_AN_OPERATOR[act](app, alice)

    event = events_of(app, ALICE)[-1]
    assert (event["act"], event["actor_id"], event["operator"]) == (act, None, "olivia")


def test_registering_and_restoring_are_recorded(app: Flask, anonymous: ApiClient) -> None:
    body = {"email": email_of("alice"), "name": "Alice", "password": PASSWORD}
    token = anonymous.post("/account/reg", json=body).json["token"]
    ApiClient(app, token).delete("/account/delete")

    anonymous.post("/account/reg", json=body)

    assert [event["act"] for event in events_of(app, ALICE)] == [
        "registered",
        "deleted",
        "restored",
    ]


def test_a_sign_in_that_fails_is_recorded_with_the_reason(app: Flask, alice: ApiClient) -> None:
    sign_in(alice, "not_this_1")
    alice.delete("/account/delete")
    sign_in(alice)

    failed = [event for event in events_of(app, ALICE) if event["act"] == "sign_in_failed"]
    assert [event["details"] for event in failed] == [{"reason": "password"}, {"reason": "deleted"}]
    assert {(event["actor_id"], event["address"]) for event in failed} == {(None, "192.0.2.7")}


def test_an_unknown_address_is_not_written_down(app: Flask, anonymous: ApiClient) -> None:
    sign_in(anonymous, name="unheard-of")

    written = everything_in(app, db)
    assert '"reason": "unknown"' in written.replace("'", '"')
    assert "unheard-of" not in written


def test_what_is_refused_is_not_recorded(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    change(alice, password=encrypted("new_word"), email=email_of("bob"))

    assert events_of(app, ALICE) == []


def test_events_are_deleted_when_they_are_old(app: Flask, alice: ApiClient) -> None:
    sign_in(alice)
    sign_in(alice)
    first = {"created_at": datetime.now(UTC) - timedelta(days=91)}
    with app.app_context():
        with transaction():
            db.session.execute(update(AuditEvent).where(AuditEvent.id == 1).values(first))
        audit.delete_expired()

    assert len(events_of(app, ALICE)) == 1


def test_zero_days_disable_the_log(configured: Callable[..., ApiClient], alice: ApiClient) -> None:
    anonymous = configured(AUDIT_LOG_DAYS="0")

    assert sign_in(anonymous).status_code == 200
    assert events_of(anonymous.app, ALICE) == []


def test_erasing_an_account_removes_its_addresses(app: Flask, alice: ApiClient) -> None:
    sign_in(alice, "not_this_1")
    sign_in(alice)
    change(alice, email="other@example.com")

    run(app, "erase", str(ALICE), "--yes")

    events = events_of(app, ALICE)
    assert len(events) == 4
    assert {(each["address"], each["device"], each["email"]) for each in events} == {("", "", "")}


def test_an_event_is_a_line_of_a_logger_of_its_own(
    app: Flask, alice: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    change(alice, email="other@example.com")

    [line] = [record for record in caplog.records if record.name == "audit"]
    assert (line.levelno, line.message) == (logging.INFO, "email_changed")
    facts = vars(line)
    assert (facts["actor_id"], facts["address"]) == (ALICE, "192.0.2.7")
    assert email_of("alice") not in str(facts).lower()


def test_a_person_gets_the_events_of_the_own_account(
    app: Flask, alice: ApiClient, tmp_path: Any
) -> None:
    make_account(app, 9, "Mallory")
    sign_in(alice)

    with exported(app, ALICE, tmp_path) as archive:
        events = json.loads(archive.read("auth/audit.json"))

    assert [(event["act"], event["address"]) for event in events] == [("signed_in", "192.0.2.7")]
