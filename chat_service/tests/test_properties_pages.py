"""Pages of messages, joined, are the whole: whatever is sent and deleted between two of them."""

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

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
limits = st.integers(1, 3)


class Pages(RuleBasedStateMachine):
    """One person writes and deletes; another reads forwards, backwards and by version."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app
        ids = new_user_ids(2)
        self.writer, self.reader = (signed_in(app, id_) for id_ in ids)
        for id_ in ids:
            make_account(app, id_, f"Somebody {id_}")
        self.group = make_group(app, *ids)
        self.there: list[int] = []
        self.gone: set[int] = set()
        self.forwards: list[dict[str, Any]] = []
        self.backwards: list[int] = []
        self.known: set[int] = set()
        self.version = 0

    @initialize(all_at_once=st.booleans())
    def begins(self, all_at_once: bool) -> None:
        self.all_at_once = all_at_once

    @rule(count=st.integers(1, 4))
    def sends(self, count: int) -> None:
        self.there += [send_text(self.writer, self.group, "text") for _ in range(count)]
        if self.all_at_once:
            with self.app.app_context(), transaction():
                of_this_group = Message.conversation_id == self.group
                db.session.execute(update(Message).where(of_this_group).values(created_at=MOMENT))

    @precondition(lambda self: self.there)
    @rule(which=st.integers(0, 1000))
    def deletes(self, which: int) -> None:
        message_id = self.there.pop(which % len(self.there))
        self.gone.add(message_id)
        assert delete_message(self.writer, message_id).status_code == 200

    @rule(limit=limits, by_time_too=st.booleans())
    def reads_on(self, limit: int, by_time_too: bool) -> None:
        self._page_on(limit, by_time_too=by_time_too)

    @rule(limit=limits)
    def reads_back(self, limit: int) -> None:
        self._page_back(limit)

    @rule(limit=limits)
    def catches_up(self, limit: int) -> None:
        self._catch_up(limit)

    def teardown(self) -> None:
        top = self.backwards[0] if self.backwards else max(self.there, default=0)
        while self._page_on(9) or self._page_back(9) or self._catch_up(9):
            pass
        whole = [message["id"] for message in fetch_messages(self.reader, self.group)["messages"]]
        assert whole == self.there
        forwards = [message["id"] for message in self.forwards]
        assert forwards == sorted(set(forwards))
        assert [id_ for id_ in forwards if id_ not in self.gone] == whole
        backwards = [id_ for id_ in reversed(self.backwards) if id_ not in self.gone]
        assert backwards == [id_ for id_ in whole if id_ <= top]
        assert self.known == set(whole)

    def _page_on(self, limit: int, *, by_time_too: bool = False) -> bool:
        bounds: dict[str, Any] = {"limit": limit, "after_id": 0}
        if self.forwards:
            last = self.forwards[-1]
            bounds["after_id"] = last["id"]
            if by_time_too:
                bounds["from"] = last["created_time"]
        page = fetch_messages(self.reader, self.group, **bounds)["messages"]
        self.forwards += page
        return bool(page)

    def _page_back(self, limit: int) -> bool:
        bounds = {"before_id": self.backwards[-1]} if self.backwards else {}
        page = fetch_messages(self.reader, self.group, limit=limit, **bounds)["messages"]
        self.backwards += [message["id"] for message in reversed(page)]
        return bool(page)

    def _catch_up(self, limit: int) -> bool:
        before = self.version
        news = fetch_messages(self.reader, self.group, limit=limit, after_version=before)
        self.known |= {message["id"] for message in news["messages"]}
        self.known -= set(news["deleted_ids"])
        self.version = news["version"]
        return bool(self.version > before)


def test_joined_pages_are_the_complete_list(app: Flask) -> None:
    run_state_machine(lambda: Pages(app))
