"""Frequent requests stay within the query budgets of the table."""

from pathlib import Path

import pytest
from flask import Flask

from chat_service.db import db
from chat_service.tests.calls import (
    MESSAGES,
    delete_message,
    fetch_messages,
    make_private,
    send_text,
    try_send_text,
)
from chat_service.tests.factories import befriend, make_group, make_history
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient
from shared.testing.query_budgets import assert_within_budget

pytestmark = pytest.mark.database

TABLE = Path(__file__).with_name("query_budgets.csv")
STRANGERS = range(100, 2000)


@pytest.mark.parametrize("count", [10, 50])
def test_listing_conversations(app: Flask, alice: ApiClient, bob: ApiClient, count: int) -> None:
    befriend(app, ALICE, BOB)
    groups = [make_group(app, ALICE, BOB) for _ in range(count - 1)]
    send_text(bob, groups[0])
    assert_within_budget(
        TABLE, f"conversations {count}", app, db, lambda: alice.get("/conversations")
    )


@pytest.mark.parametrize("count", [100, 1000])
def test_reading_a_history_again(app: Flask, alice: ApiClient, bob: ApiClient, count: int) -> None:
    chat = make_private(app, alice, bob)
    make_history(app, chat, BOB, count)
    fetch_messages(alice, chat)
    query = {"conversationId": chat}
    assert_within_budget(
        TABLE, f"history {count}", app, db, lambda: alice.get(MESSAGES, query_string=query)
    )


def test_polling_when_nothing_is_new(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    chat = make_private(app, alice, bob)
    send_text(bob, chat)
    fetch_messages(alice, chat)
    query = {"conversationId": chat, "after_version": 1}
    assert_within_budget(TABLE, "poll", app, db, lambda: alice.get(MESSAGES, query_string=query))


def test_catching_up_with_all_conversations(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    groups = [make_group(app, ALICE, BOB) for _ in range(200)]
    for group in groups[:10]:
        delete_message(bob, send_text(bob, group))
        send_text(bob, group)
    body = {"versions": {str(group): 0 for group in groups}}
    assert_within_budget(
        TABLE,
        "catch up with 10 of 200",
        app,
        db,
        lambda: alice.post("/conversations/sync", json=body),
    )


def test_sending_to_a_friend(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    chat = make_private(app, alice, bob)
    assert_within_budget(
        TABLE, "send to a private chat", app, db, lambda: try_send_text(alice, chat, "hello")
    )


@pytest.mark.parametrize("members", [2, 1000])
def test_sending_to_a_group(app: Flask, alice: ApiClient, members: int) -> None:
    group = make_group(app, ALICE, *STRANGERS[: members - 1])
    assert_within_budget(
        TABLE, f"send to a group {members}", app, db, lambda: try_send_text(alice, group, "hello")
    )
