"""Erasure of a service's data of an erased account."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from shared.testing.client import Reply
from shared.testing.fake_services import FakeService
from shared.tests.conftest import account, event
from shared.tests.tiny import Erasure, db, erased

pytestmark = pytest.mark.database

Deliver = Callable[..., Reply]


def finish(app: Flask) -> str:
    return app.test_cli_runner().invoke(args=["accounts", "erasures"]).output


def a_minute_passes(app: Flask) -> None:
    with app.app_context(), db.transaction():
        db.session.execute(
            update(Erasure).values(requested_at=datetime.now(UTC) - timedelta(minutes=1))
        )


def list_pending(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(Erasure.account_id).order_by(Erasure.account_id)))


def test_what_belongs_to_an_erased_account_is_erased_twice_a_minute_apart(
    app: Flask, deliver: Deliver
) -> None:
    deliver(event(account_id=5, erased=True), event(account_id=6))
    assert finish(app) == "Second pass in a minute: 1\n"
    a_minute_passes(app)
    assert finish(app) == "Done.\n"
    assert finish(app) == "Done.\n"
    assert erased == [5, 5]


def test_a_duplicate_event_is_one_erasure(app: Flask, deliver: Deliver) -> None:
    deliver(event(account_id=5, erased=True), event(account_id=5, erased=True))
    assert list_pending(app) == [5]


def test_one_that_fails_stays_and_holds_up_no_other(app: Flask, deliver: Deliver) -> None:
    deliver(event(account_id=13, erased=True), event(account_id=14, erased=True))
    a_minute_passes(app)
    finish(app)
    assert (list_pending(app), erased) == ([13], [14])


def test_a_failure_of_the_database_holds_up_no_other(app: Flask, deliver: Deliver) -> None:
    deliver(event(account_id=12, erased=True), event(account_id=14, erased=True))
    a_minute_passes(app)
    result = app.test_cli_runner().invoke(args=["accounts", "erasures"])
    assert (list_pending(app), erased) == ([12], [14])
    assert result.exit_code == 1


def test_the_command_fails_if_an_erasure_fails(app: Flask, deliver: Deliver) -> None:
    deliver(event(account_id=5, erased=True), event(account_id=13, erased=True))
    result = app.test_cli_runner().invoke(args=["accounts", "erasures"])
    assert result.exit_code == 1
    assert "Failed: 1; second pass in a minute: 1." in result.output


def test_a_copy_that_is_rebuilt_learns_of_erasures(
    app: Flask, fake_services: dict[str, FakeService]
) -> None:
    fake_services["auth"].responses["/internal/accounts"] = lambda query: {
        "accounts": [account(5, erased=True)] if query["after"] == "0" else []
    }
    app.test_cli_runner().invoke(args=["accounts", "resync"])
    assert list_pending(app) == [5]
