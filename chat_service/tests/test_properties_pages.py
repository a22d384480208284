"""Joined pages of messages are complete, with sends and deletions between them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import update

from chat_service.db import db, transaction
from chat_service.models import Message
from chat_service.tests.calls import delete_message, fetch_messages, send_text
from chat_service.tests.factories import make_account, make_group
from shared.testing.cast import signed_in
from shared.testing.properties import extended_timeout, new_user_ids, run_state_machine

pytestmark = [pytest.mark.database, extended_timeout]

SENT_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
limits = st.integers(1, 3)


class Pages(RuleBasedStateMachine):
    """One user sends and deletes; another one reads forwards, backwards and by version."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app
        ids = new_user_ids(2)
        self.writer, self.reader = (signed_in(app, id_) for id_ in ids)
        for id_ in ids:
            make_account(app, id_, f"User {id_}")
        self.group = make_group(app, *ids)
        self.present: list[int] = []
        self.deleted: set[int] = set()
        self.forwards: list[dict[str, Any]] = []
        self.backwards: list[int] = []
        self.copied: set[int] = set()
        self.version = 0

    @initialize(has_equal_times=st.booleans())
    def begin(self, has_equal_times: bool) -> None:
        self.has_equal_times = has_equal_times

    @rule(count=st.integers(1, 4))
    def send(self, count: int) -> None:
        self.present += [send_text(self.writer, self.group, "text") for _ in range(count)]
        if self.has_equal_times:
            with self.app.app_context(), transaction():
                of_this_group = Message.conversation_id == self.group
                db.session.execute(update(Message).where(of_this_group).values(created_at=SENT_AT))

    @precondition(lambda self: self.present)
    @rule(which=st.integers(0, 1000))
    def delete(self, which: int) -> None:
        message_id = self.present.pop(which % len(self.present))
        self.deleted.add(message_id)
        assert delete_message(self.writer, message_id).status_code == 200

    @rule(limit=limits, with_time=st.booleans())
    def read_next_page(self, limit: int, with_time: bool) -> None:
        self._fetch_next(limit, with_time=with_time)

    @rule(limit=limits)
    def read_previous_page(self, limit: int) -> None:
        self._fetch_previous(limit)

    @rule(limit=limits)
    def read_changes(self, limit: int) -> None:
        self._fetch_changes(limit)

    def teardown(self) -> None:
        top = self.backwards[0] if self.backwards else max(self.present, default=0)
        while self._fetch_next(9) or self._fetch_previous(9) or self._fetch_changes(9):
            pass
        expected = [
            message["id"] for message in fetch_messages(self.reader, self.group)["messages"]
        ]
        assert expected == self.present
        forwards = [message["id"] for message in self.forwards]
        assert forwards == sorted(set(forwards))
        assert [id_ for id_ in forwards if id_ not in self.deleted] == expected
        backwards = [id_ for id_ in reversed(self.backwards) if id_ not in self.deleted]
        assert backwards == [id_ for id_ in expected if id_ <= top]
        assert self.copied == set(expected)

    def _fetch_next(self, limit: int, *, with_time: bool = False) -> bool:
        bounds: dict[str, Any] = {"limit": limit, "after_id": 0}
        if self.forwards:
            last = self.forwards[-1]
            bounds["after_id"] = last["id"]
            if with_time:
                bounds["from"] = last["created_time"]
        page = fetch_messages(self.reader, self.group, **bounds)["messages"]
        self.forwards += page
        return bool(page)

    def _fetch_previous(self, limit: int) -> bool:
        bounds = {"before_id": self.backwards[-1]} if self.backwards else {}
        page = fetch_messages(self.reader, self.group, limit=limit, **bounds)["messages"]
        self.backwards += [message["id"] for message in reversed(page)]
        return bool(page)

    def _fetch_changes(self, limit: int) -> bool:
        before = self.version
        news = fetch_messages(self.reader, self.group, limit=limit, after_version=before)
        self.copied |= {message["id"] for message in news["messages"]}
        self.copied -= set(news["deleted_ids"])
        self.version = news["version"]
        return bool(self.version > before)


def test_joined_pages_are_the_complete_list(app: Flask) -> None:
    run_state_machine(lambda: Pages(app))
