"""Consuming events of other services, and access to ``/internal``."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.invalid_inputs import NOT_OBJECTS, TOO_DEEP
from shared.testing.tokens import issue
from shared.tests.conftest import ALICE, event
from shared.tests.tiny import accounts
from shared.web.errors import BAD_PARAMETER, INVALID_JWT

Deliver = Callable[..., Reply]


def _name(app: Flask, account_id: int = ALICE) -> str | None:
    with app.app_context():
        account = accounts.get_many([account_id]).get(account_id)
    return account and account.name


def test_an_event_is_taken(app: Flask, deliver: Deliver) -> None:
    assert deliver(event(name="Alice")).json == {"code": 0, "info": "Succeed"}
    assert _name(app) == "Alice"


def test_what_came_once_may_come_again(app: Flask, deliver: Deliver) -> None:
    deliver(event(name="Alice"), event(name="Alice"))
    assert _name(app) == "Alice"


def test_an_older_state_never_replaces_a_newer_one(app: Flask, deliver: Deliver) -> None:
    deliver(event(name="third", version=3), event(name="second", version=2))
    assert _name(app) == "third"


def test_a_state_of_the_same_version_changes_nothing(app: Flask, deliver: Deliver) -> None:
    deliver(event(name="first"), event(name="other"))
    assert _name(app) == "first"


PASSED_OVER: list[Any] = [
    {"type": "of the future", "state": {}},
    {"type": ["account"], "state": {}},
    {"type": "account"},
    {"type": "account", "state": None},
    {"type": "account", "state": []},
    event(version="new"),
    event(name=None),
    event(account_id=True),
    {"state": {}},
    "account",
    None,
]


@pytest.mark.parametrize("unreadable", PASSED_OVER, ids=lambda value: repr(value)[:30])
def test_what_cannot_be_read_is_passed_over_and_the_rest_taken(
    app: Flask, deliver: Deliver, unreadable: Any
) -> None:
    assert deliver(unreadable, event(name="Alice")).status_code == 200
    assert _name(app) == "Alice"


def test_a_later_sender_may_add_fields(app: Flask, deliver: Deliver) -> None:
    deliver(event(name="Alice", shoe_size=38))
    assert _name(app) == "Alice"


@pytest.mark.parametrize("body", [*NOT_OBJECTS, TOO_DEEP, b"", b'{"events": {}}'])
def test_what_is_no_list_of_events_is_refused(deliver: Deliver, body: bytes) -> None:
    assert_error(deliver(data=body), BAD_PARAMETER, field="events")


@pytest.mark.parametrize("secret", ["current-test-secret", "previous-test-secret"])
def test_the_current_and_the_previous_secret_are_accepted(deliver: Deliver, secret: str) -> None:
    assert deliver(event(), secret=secret).status_code == 200


@pytest.mark.parametrize("secret", ["", "wrong", "current-test-secre", "current-test-secret\xe9"])
def test_any_other_secret_is_refused_and_nothing_taken(
    app: Flask, deliver: Deliver, secret: str
) -> None:
    assert_error(deliver(event(), secret=secret), INVALID_JWT)
    assert _name(app) is None


def test_a_users_token_is_no_secret(app: Flask, alice: ApiClient) -> None:
    assert_error(alice.post("/internal/events", json={"events": []}), INVALID_JWT)


def test_the_secret_is_no_users_token(app: Flask) -> None:
    shown = {"X-Internal-Secret": "current-test-secret", "Authorization": issue(ALICE)}
    assert_error(ApiClient(app).get("/me", headers=shown), INVALID_JWT)
