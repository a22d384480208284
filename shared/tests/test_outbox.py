"""Committed events are delivered when the consumer responds; others never are."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from shared.data.outbox import Event
from shared.testing.contracts import state
from shared.testing.databases import counted_queries
from shared.testing.fake_services import FakeService
from shared.tests.tiny import OutboxEvent, db, outbox

pytestmark = pytest.mark.database


class ChangedOurMindError(Exception):
    """Rolls a transaction back."""


@pytest.fixture
def deliver(app: Flask) -> Callable[..., None]:
    """Add events for chat in one transaction."""

    def commit(*names: str) -> None:
        with app.app_context(), db.transaction():
            for name in names:
                outbox.add(_word(name))

    return commit


@pytest.fixture
def relay(app: Flask) -> Callable[[], int]:
    """Run the relay after all events have become due."""

    def deliver() -> int:
        with app.app_context():
            with db.transaction():
                db.session.execute(update(OutboxEvent).values(due_at=datetime.now(UTC)))
            return outbox.deliver_due()

    return deliver


@pytest.fixture
def delivered_names(fake_services: dict[str, FakeService]) -> Callable[[], list[str]]:
    """Get the names that chat has received, in order."""
    return lambda: [state["name"] for state in fake_services["chat"].states("account")]


def _word(name: str) -> Event:
    """Create an event with a name."""
    return {"type": "account", "state": state("account", name=name)}


def _waiting(app: Flask) -> int:
    with app.app_context():
        return outbox.backlog_size()


def _rows(app: Flask, column: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.execute(select(column).order_by(OutboxEvent.id)).scalars())


def test_committed_events_are_delivered_at_once_and_in_order(
    app: Flask, deliver: Callable[..., None], delivered_names: Callable[[], list[str]]
) -> None:
    deliver("one", "two")
    deliver("three")
    assert delivered_names() == ["one", "two", "three"]
    assert _waiting(app) == 0


def test_events_of_a_rollback_are_never_delivered(
    app: Flask, delivered_names: Callable[[], list[str]], deliver: Callable[..., None]
) -> None:
    with app.app_context(), suppress(ChangedOurMindError), db.transaction():
        outbox.add(_word("never"))
        raise ChangedOurMindError
    deliver("later")
    assert delivered_names() == ["later"]


@pytest.mark.parametrize("mode", ["failing", "hung"])
def test_undelivered_events_wait_for_the_relay(
    app: Flask,
    fake_services: dict[str, FakeService],
    deliver: Callable[..., None],
    relay: Callable[[], int],
    mode: str,
) -> None:
    fake_services["chat"].set_mode(mode)
    deliver("one")
    deliver("two")
    assert _waiting(app) == 2

    fake_services["chat"].set_mode("ok")

    assert relay() == 2
    # The hung request has ended at some time, so "one" may be delivered twice.
    assert {state["name"] for state in fake_services["chat"].states("account")} == {"one", "two"}
    assert _waiting(app) == 0


def test_a_neighbour_that_hangs_is_tried_once_and_then_left_to_the_relay(
    app: Flask, fake_services: dict[str, FakeService], deliver: Callable[..., None]
) -> None:
    fake_services["chat"].set_mode("hung")
    for name in ("one", "two", "three"):
        deliver(name)
    assert _rows(app, OutboxEvent.attempts) == [1, 0, 0]


def test_the_relay_waits_longer_each_time_but_never_beyond_a_minute(
    app: Flask,
    fake_services: dict[str, FakeService],
    deliver: Callable[..., None],
    relay: Callable[[], int],
) -> None:
    fake_services["chat"].set_mode("failing")
    deliver("one")
    waits = []
    for _ in range(8):
        [due_at] = _rows(app, OutboxEvent.due_at)
        waits.append(round((due_at - datetime.now(UTC)).total_seconds()))
        relay()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_is_not_due_is_left_alone(
    app: Flask, fake_services: dict[str, FakeService], deliver: Callable[..., None]
) -> None:
    fake_services["chat"].set_mode("failing")
    deliver("one")
    fake_services["chat"].set_mode("ok")
    with app.app_context():
        assert outbox.deliver_due() == 0
    assert _waiting(app) == 1


def test_after_a_crash_between_commit_and_delivery_the_relay_delivers(
    app: Flask, relay: Callable[[], int], delivered_names: Callable[[], list[str]]
) -> None:
    now = datetime.now(UTC)
    left_behind = OutboxEvent(
        consumer="chat",
        event=dict(_word("committed")),
        due_at=now + timedelta(seconds=10),
        created_at=now,
    )
    with app.app_context(), db.transaction():
        db.session.add(left_behind)
    assert relay() == 1
    assert delivered_names() == ["committed"]


def test_a_long_queue_is_delivered_in_order_and_in_few_calls(
    app: Flask,
    fake_services: dict[str, FakeService],
    deliver: Callable[..., None],
    relay: Callable[[], int],
    delivered_names: Callable[[], list[str]],
) -> None:
    names = [f"word{number}" for number in range(250)]
    fake_services["chat"].set_mode("failing")
    deliver(*names)
    fake_services["chat"].set_mode("ok")
    with counted_queries(app, db) as queries:
        assert relay() == 250
    assert delivered_names() == names
    assert len(queries) < 20


def test_show_says_how_much_waits_for_whom_and_how_often_it_was_tried(
    app: Flask, fake_services: dict[str, FakeService], deliver: Callable[..., None]
) -> None:
    fake_services["chat"].set_mode("failing")
    deliver("one", "two")
    deliver("three")

    [row] = json.loads(_command(app, "outbox", "show", "--json").stdout)

    assert 0 <= row.pop("seconds_old") < 60
    assert row == {"consumer": "chat", "events": 3, "attempts": 1}


def test_show_is_a_table_for_people(app: Flask) -> None:
    lines = _command(app, "outbox", "show").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["consumer", "events", "seconds_old", "attempts"],
        ["chat", "0", "0", "0"],
    ]


def test_replay_delivers_in_order_what_is_not_due_yet(
    app: Flask,
    fake_services: dict[str, FakeService],
    deliver: Callable[..., None],
    delivered_names: Callable[[], list[str]],
) -> None:
    names = [f"word{number}" for number in range(250)]
    fake_services["chat"].set_mode("failing")
    deliver(*names)
    fake_services["chat"].set_mode("ok")

    done = _command(app, "outbox", "replay")

    assert (done.exit_code, done.stdout) == (0, "Delivered 250 events to chat.\n")
    assert delivered_names() == names
    assert _waiting(app) == 0


def test_replay_may_be_repeated(app: Flask) -> None:
    assert _command(app, "outbox", "replay").stdout == "Delivered 0 events to chat.\n"


def test_replay_fails_and_says_what_waits_if_a_neighbour_does_not_take_it(
    app: Flask, fake_services: dict[str, FakeService], deliver: Callable[..., None]
) -> None:
    fake_services["chat"].set_mode("failing")
    deliver("one", "two")

    done = _command(app, "outbox", "replay")

    assert done.exit_code == 1
    assert "Undelivered, retried automatically: 2 for chat." in done.stderr
    assert _waiting(app) == 2


def _command(app: Flask, *args: str) -> Result:
    return app.test_cli_runner().invoke(args=args)
