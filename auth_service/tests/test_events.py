"""Every change is delivered to the other services, despite failures on either side."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from auth_service.db import db
from auth_service.domain.outbox import outbox
from auth_service.models import OutboxEvent
from auth_service.tests.factories import ALICE, PASSWORD, email_of
from shared.testing import contracts
from shared.testing.client import ApiClient, Reply
from shared.testing.fake_services import FakeService

# A hung service delays only the first request, by one delivery attempt.
BOUND_SECONDS = 8.0  # Less than five attempts.


def _change(client: ApiClient, **fields: str) -> Reply:
    return client.put("/account/info", json={"origin_password": PASSWORD, **fields})


def _relay(app: Flask) -> int:
    """Run the relay after all events have become due."""
    with app.app_context():
        with db.transaction():
            db.session.execute(update(OutboxEvent).values(due_at=datetime.now(UTC)))
        return outbox.deliver_due()


def _waiting(app: Flask) -> int:
    with app.app_context():
        return outbox.backlog_size()


@pytest.fixture
def last(fake_services: dict[str, FakeService]) -> Any:
    """The latest state that a service has received."""
    return lambda name: fake_services[name].states("account")[-1]


@pytest.mark.parametrize("name", ["social", "chat"])
def test_a_neighbour_knows_of_a_new_account_when_the_answer_goes_out(
    anonymous: ApiClient, last: Any, name: str
) -> None:
    body = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}
    account_id = anonymous.post("/account/reg", json=body).json["id"]
    state = last(name)
    assert (state["id"], state["name"], state["version"]) == (account_id, "Ann", 1)


def test_every_change_raises_the_version(
    alice: ApiClient, anonymous: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    _change(alice, name="A")
    _change(alice, avatar="cat")
    alice.delete("/account/delete")
    body = {"email": email_of("alice"), "name": "Alice", "password": PASSWORD}
    anonymous.post("/account/reg", json=body)

    states = fake_services["social"].states("account")

    assert [state["version"] for state in states] == [2, 3, 4, 5]
    assert [state["deleted"] for state in states] == [False, False, True, False]
    assert [state["generation"] for state in states] == [0, 0, 1, 1]


def test_a_change_without_effect_sends_no_event(
    alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    _change(alice, name="Alice")
    _change(alice)
    assert fake_services["social"].events == []


def test_a_rejected_change_sends_no_event(
    alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    _change(alice, name="New", avatar="javascript:x")
    assert fake_services["social"].events == []


@pytest.mark.parametrize("mode", ["failing", "hung"])
def test_a_failing_consumer_receives_all_events_after_recovery(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService], last: Any, mode: str
) -> None:
    fake_services["chat"].set_mode(mode)
    began = time.monotonic()

    assert [_change(alice, name=f"A{i}").status_code for i in range(5)] == [200] * 5

    assert time.monotonic() - began < BOUND_SECONDS
    assert last("social")["name"] == "A4"
    fake_services["chat"].set_mode("ok")
    assert _relay(app) == 5
    # The first one may be delivered twice, because its first attempt had a timeout.
    states = {state["version"]: state["name"] for state in fake_services["chat"].states("account")}
    assert states == {2: "A0", 3: "A1", 4: "A2", 5: "A3", 6: "A4"}
    assert _waiting(app) == 0


def test_while_a_neighbour_is_ill_new_events_queue_behind_the_old_ones(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    fake_services["chat"].set_mode("failing")
    _change(alice, name="first")
    fake_services["chat"].set_mode("ok")
    _change(alice, name="second")
    assert fake_services["chat"].events == []
    _relay(app)
    states = fake_services["chat"].states("account")
    assert [(state["name"], state["version"]) for state in states] == [("first", 2), ("second", 3)]


def test_a_crash_between_commit_and_delivery_loses_nothing(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService], last: Any
) -> None:
    state = contracts.state("account", id=ALICE, name="committed")
    now = datetime.now(UTC)
    with app.app_context(), db.transaction():
        row = {"event": {"type": "account", "state": state}, "due_at": now, "created_at": now}
        db.session.add_all(OutboxEvent(consumer=name, **row) for name in ("social", "chat"))

    assert _relay(app) == 2

    assert last("social") == last("chat") == state
    assert _waiting(app) == 0
