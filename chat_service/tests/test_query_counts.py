"""Lists and sends need a fixed number of queries at every size."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH
from sqlalchemy import text

from chat_service.db import db, transaction
from chat_service.domain import conversations
from chat_service.models import Conversation, Membership
from chat_service.tests.calls import (
    fetch_messages,
    list_conversations,
    list_messages,
    send_text,
    try_send_text,
)
from chat_service.tests.factories import befriend, make_account, make_group, make_history
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, assert_error
from shared.testing.databases import counted_queries
from shared.testing.tokens import issue
from shared.web.account_state import SessionEnds
from shared.web.errors import INVALID_JWT

pytestmark = pytest.mark.database

STRANGERS = range(100, 2000)


@pytest.mark.parametrize("count", [10, 200])
def test_the_list_of_conversations_costs_one_query(
    app: Flask, alice: ApiClient, bob: ApiClient, count: int
) -> None:
    befriend(app, ALICE, BOB)
    with app.app_context():
        befriended = [make_group(app, ALICE, BOB) for _ in range(count - 1)]
    send_text(bob, befriended[0])
    with counted_queries(app, db) as statements:
        assert len(list_conversations(alice)) == count
    assert len(statements) == 1


def test_a_list_shorter_than_others_is_not_planned_again_each_time(app: Flask) -> None:
    now = datetime.now(UTC)
    make_group(app, ALICE)
    with app.app_context():
        if db.is_sqlite:
            pytest.skip("SQLite plans each statement once")
        with transaction():
            groups = [Conversation(is_group=True, created_at=now) for _ in range(1000)]
            db.session.add_all(groups)
            db.session.flush()
            bobs = [
                Membership(conversation_id=group.id, user_id=BOB, joined_at=now) for group in groups
            ]
            db.session.add_all(bobs)
        db.execute(text("ANALYZE"))
        db.release()
        db.engine.dispose()  # A connection of earlier tests has plans for their smaller tables.
        for _ in range(20):
            assert len(conversations.list_conversations(ALICE)) == 1
        plans = db.execute(
            text(
                "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
                " WHERE statement LIKE '%FROM memberships JOIN conversations%'"
            )
        ).one()
    assert plans.custom_plans <= 5 < plans.generic_plans


@pytest.mark.parametrize("count", [10, 1000])
class TestReads:
    """Reads of a conversation with ``count`` messages."""

    @pytest.fixture
    def group(self, app: Flask, count: int) -> int:
        """Alice's group, with messages of bob."""
        conversation = make_group(app, ALICE, BOB)
        make_history(app, conversation, BOB, count)
        return conversation

    def test_reading_again_costs_three_queries(
        self, app: Flask, alice: ApiClient, group: int, count: int
    ) -> None:
        fetch_messages(alice, group)
        with counted_queries(app, db) as statements:
            assert len(list_messages(alice, group)) == count
        assert len(statements) == 3

    def test_reading_what_is_new_costs_one_write_more(
        self, app: Flask, alice: ApiClient, group: int, count: int
    ) -> None:
        with counted_queries(app, db) as statements:
            fetch_messages(alice, group)
        assert len(statements) == 4

    def test_catching_up_costs_one_query_more(
        self, app: Flask, alice: ApiClient, group: int, count: int
    ) -> None:
        fetch_messages(alice, group)
        with counted_queries(app, db) as statements:
            assert len(list_messages(alice, group, after_version=0)) == count
        assert len(statements) == 4

    @pytest.mark.parametrize(
        ("method", "path", "fields", "queries"),
        [
            ("GET", "/conversations/manage_messages", {"content": "hello"}, 3),
            ("POST", "/conversations/sift", {"sender_name": "bob"}, 3),
            ("GET", "/conversations/get_reply", {"message_id": 1}, 4),
        ],
    )
    def test_other_lists_cost_a_fixed_number(
        self,
        app: Flask,
        alice: ApiClient,
        group: int,
        count: int,
        method: str,
        path: str,
        fields: dict[str, Any],
        queries: int,
    ) -> None:
        with counted_queries(app, db) as statements:
            reply = alice.call(method, path, json={"conversationId": group, **fields})
        [rows] = [value for value in reply.json.values() if isinstance(value, list)]
        assert len(rows) == count
        assert len(statements) == queries


def test_the_statement_of_a_send_is_short_enough_for_the_cache_of_psycopg(
    app: Flask, alice: ApiClient
) -> None:
    with counted_queries(app, db) as statements:
        send_text(alice, make_group(app, ALICE))
    assert max(map(len, statements)) <= MAX_CACHED_STATEMENT_LENGTH


@pytest.mark.parametrize("count", [2, 100])
class TestMembers:
    """Requests in a group with ``count`` members."""

    @pytest.fixture
    def group(self, app: Flask, count: int) -> int:
        """Alice's group with bob and strangers."""
        return make_group(app, ALICE, BOB, *STRANGERS[: count - 2])

    @pytest.mark.parametrize(
        ("more", "on_sqlite"),
        [({}, 4), ({"client_id": "x"}, 5), ({"reply_to": 1, "client_id": "x"}, 5)],
    )
    def test_a_send_costs_a_fixed_number_of_statements(
        self,
        app: Flask,
        alice: ApiClient,
        bob: ApiClient,
        group: int,
        count: int,
        more: dict[str, Any],
        on_sqlite: int,
    ) -> None:
        send_text(bob, group)
        with counted_queries(app, db) as statements:
            try_send_text(alice, group, "hello", **more)
        with app.app_context():
            assert len(statements) == (on_sqlite if db.is_sqlite else 1)

    def test_a_send_costs_the_same_after_another_session_has_ended(
        self, app: Flask, bob: ApiClient, group: int, count: int
    ) -> None:
        ended, other = (ApiClient(app, issue(ALICE, session=number), ALICE) for number in (7, 8))
        ends = SessionEnds(up_to=7).to_text()
        make_account(app, ALICE, "Alice", version=2, session_ends=ends)
        sent = [send_text(other, group)]
        with counted_queries(app, db) as statements:
            sent.append(send_text(other, group))
        with app.app_context():
            assert len(statements) == (4 if db.is_sqlite else 1)
        assert_error(try_send_text(ended, group, "hello"), INVALID_JWT)
        assert [message["id"] for message in list_messages(bob, group)] == sent

    def test_the_readers_and_the_members_cost_a_fixed_number_of_queries(
        self, app: Flask, alice: ApiClient, group: int, count: int
    ) -> None:
        message_id = send_text(alice, group)
        with counted_queries(app, db) as statements:
            alice.post("/conversations/readlist", json={"message_id": message_id})
            alice.get("/conversations/get_members", json={"conversation_id": group})
        assert len(statements) == 7
