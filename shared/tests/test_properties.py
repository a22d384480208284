"""Every committed event is delivered, and no other, with failures at any point."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from sqlalchemy import update

from shared.testing.contracts import state
from shared.testing.fake_services import FakeService
from shared.testing.properties import extended_timeout, run_state_machine
from shared.tests.tiny import OutboxEvent, db, outbox

pytestmark = [pytest.mark.database, extended_timeout]


class ChangedOurMindError(Exception):
    """Rolls a transaction back."""


class Delivery(RuleBasedStateMachine):
    """A service that delivers events to another one, which fails at times."""

    def __init__(self, app: Flask, chat: FakeService) -> None:
        super().__init__()
        self.app = app
        self.chat = chat
        self.chat.set_mode("ok")
        self.chat.events.clear()
        self.added = 0
        self.committed: list[int] = []

    @rule(count=st.integers(1, 3), commits=st.booleans())
    def add_events(self, count: int, commits: bool) -> None:
        numbers = range(self.added, self.added + count)
        self.added += count
        with suppress(ChangedOurMindError):
            self._add_all(numbers, commits=commits)
            self.committed += numbers

    def _add_all(self, numbers: range, *, commits: bool) -> None:
        with self.app.app_context(), db.transaction():
            for number in numbers:
                added = state("account", version=number)
                outbox.add({"type": "account", "state": added})
            if not commits:
                raise ChangedOurMindError

    @rule()
    def the_other_falls_ill(self) -> None:
        self.chat.set_mode("failing")

    @rule()
    def the_other_recovers(self) -> None:
        self.chat.set_mode("ok")

    @rule()
    def the_relay_tries_again(self) -> None:
        with self.app.app_context():
            with db.transaction():
                db.session.execute(update(OutboxEvent).values(due_at=datetime.now(UTC)))
            outbox.deliver_due()

    def teardown(self) -> None:
        self.the_other_recovers()
        self.the_relay_tries_again()
        # At least once: what was delivered without an answer in time is delivered again.
        delivered = {each["version"] for each in self.chat.states("account")}
        assert sorted(delivered) == self.committed
        with self.app.app_context():
            assert outbox.backlog_size() == 0


def test_committed_events_are_delivered_after_recovery(
    app: Flask, fake_services: dict[str, FakeService]
) -> None:
    run_state_machine(lambda: Delivery(app, fake_services["chat"]))
