"""Changes of all conversations (beyond the document: /conversations/sync)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update

from chat_service.db import db, transaction
from chat_service.models import Conversation, Deletion
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_conversation,
    get_unread_count,
    hide_messages,
    list_conversations,
    list_messages,
    make_private,
    send_text,
    sync_conversations,
)
from chat_service.tests.factories import befriend, make_group, make_history
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient
from shared.testing.databases import counted_queries

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


def get_only_conversation(response: Any) -> dict[str, Any]:
    """Get the only conversation of a response."""
    [row] = response["conversations"]
    changed: dict[str, Any] = row
    return changed


def list_contents(row: dict[str, Any]) -> list[str]:
    return [message["content"] for message in row["messages"]]


def make_deletions(app: Flask, conversation: int, count: int) -> None:
    """Insert ``count`` deletions at the beginning of a conversation."""
    rows = [
        {
            "message_id": 10_000_000 * conversation + n,
            "conversation_id": conversation,
            "seq": n,
            "version": count + n,
            "sender_id": BOB,
            "created_at": MOMENT,
        }
        for n in range(1, count + 1)
    ]
    with app.app_context(), transaction():
        db.session.execute(insert(Deletion), rows)
        db.session.execute(
            update(Conversation)
            .where(Conversation.id == conversation)
            .values(last_seq=count, version=2 * count)
        )


def test_sends_and_deletions_since_the_version_are_returned(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    first, second = (send_text(bob, group, text) for text in ("first", "second"))
    version = fetch_messages(alice, group)["version"]
    third = send_text(bob, group, "third")
    delete_message(bob, second)

    response = sync_conversations(alice, {group: version})

    listed = get_conversation(alice, group)
    arrived = list_messages(alice, group, after_id=first)
    news = {"messages": arrived, "deleted_ids": [second]}
    assert response == {
        "code": 0,
        "info": "Succeed",
        "conversations": [{**listed, **news, "version": version + 2, "has_more": False}],
        "gone": [],
    }
    assert [message["id"] for message in arrived] == [third]


def test_unchanged_conversations_are_not_returned(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    send_text(bob, group)
    versions = {group: fetch_messages(alice, group)["version"]}
    assert sync_conversations(alice, versions)["conversations"] == []


def test_a_conversation_new_to_the_client_has_its_newest_messages(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    for number in range(5):
        send_text(bob, group, str(number))
    deleted = send_text(bob, group)
    delete_message(bob, deleted)

    row = get_only_conversation(sync_conversations(alice, {}, limit=2))

    assert (list_contents(row), row["has_more"], row["version"]) == (["3", "4"], True, 7)
    assert row["deleted_ids"] == []
    whole = get_only_conversation(sync_conversations(alice, {}, limit=5))
    assert (list_contents(whole), whole["has_more"]) == (list("01234"), False)


def test_an_empty_conversation_is_returned_until_the_client_has_it(
    alice: ApiClient, group: int
) -> None:
    row = get_only_conversation(sync_conversations(alice, {}))
    assert (row["id"], row["version"], row["messages"], row["has_more"]) == (group, 0, [], False)
    assert sync_conversations(alice, {group: 0})["conversations"] == []


def test_a_version_beyond_the_current_one_is_ignored(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    send_text(bob, group, "hello")
    row = get_only_conversation(sync_conversations(alice, {group: 99}))
    assert (list_contents(row), row["version"]) == (["hello"], 1)


def test_changes_beyond_the_limit_are_returned_by_the_next_request(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    ids = [send_text(bob, group, str(number)) for number in range(5)]
    delete_message(bob, ids[4])
    delete_message(bob, ids[0])

    first = get_only_conversation(sync_conversations(alice, {group: 0}, limit=2))
    second = get_only_conversation(sync_conversations(alice, {group: first["version"]}, limit=2))

    assert (list_contents(first), first["deleted_ids"], first["has_more"]) == (["1", "2"], [], True)
    assert (list_contents(second), second["has_more"]) == (["3"], False)
    assert (second["deleted_ids"], second["version"]) == ([ids[4], ids[0]], 7)


def test_exactly_the_limit_has_no_more(alice: ApiClient, bob: ApiClient, group: int) -> None:
    ids = [send_text(bob, group) for _ in range(3)]
    delete_message(bob, ids[0])
    row = get_only_conversation(sync_conversations(alice, {group: 0}, limit=2))
    assert (row["has_more"], row["version"], row["deleted_ids"]) == (False, 4, ids[:1])


def test_hidden_messages_are_not_returned(alice: ApiClient, bob: ApiClient, group: int) -> None:
    ids = [send_text(bob, group, str(number)) for number in range(4)]
    hide_messages(alice, *ids[1:3])
    rows = [
        get_only_conversation(sync_conversations(alice, versions, limit=2))
        for versions in ({}, {group: 0})
    ]
    assert [(list_contents(row), row["has_more"]) for row in rows] == [(["0", "3"], False)] * 2


def test_gone_has_the_requested_ids_that_are_no_open_conversations(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    foreign = make_group(app, BOB, CAROL)
    closed = make_private(app, alice, bob)
    befriend(app, ALICE, BOB, active=False, version=2)
    given = {group: 0, foreign: 0, closed: 0, 2**63 - 1: 5}
    assert sync_conversations(alice, given)["gone"] == sorted([foreign, closed, 2**63 - 1])


def test_conversation_ids_restrict_the_response(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    other = make_group(app, ALICE, BOB)
    for conversation in (group, other):
        send_text(bob, conversation)
    response = sync_conversations(alice, {other: 0, 77: 1}, conversation_ids=[group, 88])
    assert ([row["id"] for row in response["conversations"]], response["gone"]) == ([group], [88])
    assert sync_conversations(alice, {other: 0}, conversation_ids=[])["conversations"] == []


def test_sync_marks_nothing_as_read(alice: ApiClient, bob: ApiClient, group: int) -> None:
    message_id = send_text(bob, group)
    sync_conversations(alice, {})
    readers = bob.post("/conversations/readlist", json={"message_id": message_id}).json
    assert (get_unread_count(alice, group), readers["read_users"]) == (1, [])


def test_private_messages_have_already_read(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    private = make_private(app, alice, bob)
    send_text(bob, private, "from bob")
    send_text(alice, private, "from alice")
    send_text(bob, private, "unread")
    row = get_only_conversation(sync_conversations(alice, {}))
    assert row["messages"] == fetch_messages(alice, private, read="false")["messages"]
    assert [message["already_read"] for message in row["messages"]] == [True, True, False]


def test_conversations_are_in_the_order_of_the_list(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    others = [make_group(app, ALICE, BOB) for _ in range(3)]
    for conversation in (others[2], group, others[0]):
        send_text(bob, conversation)
    alice.post("/interface", json={"conversationId": others[1], "ontop": True})
    rows = sync_conversations(alice, {})["conversations"]
    assert [row["id"] for row in rows] == [row["id"] for row in list_conversations(alice)]


def test_at_most_two_thousand_messages_are_returned(app: Flask, alice: ApiClient) -> None:
    groups = [make_group(app, ALICE, BOB) for _ in range(16)]
    for group in groups:
        make_history(app, group, BOB, 150)
    versions = dict.fromkeys(groups[8:], 0)

    rows = sync_conversations(alice, versions, limit=200)["conversations"]

    assert len(rows) == 16
    assert sum(len(row["messages"]) for row in rows) == 2000
    cut = [row for row in rows if row["has_more"]]
    [half] = [row for row in cut if row["messages"]]
    assert len(half["messages"]) == 50
    assert {row["version"] for row in cut if row["id"] in versions and not row["messages"]} <= {0}
    assert {row["version"] for row in cut if row["id"] not in versions and row is not half} == {150}


def test_at_most_two_thousand_deleted_ids_are_returned(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    groups = [make_group(app, ALICE, BOB) for _ in range(3)]
    for group in groups:
        make_deletions(app, group, 900)
        send_text(bob, group, "after them all")
    versions, deleted, contents = dict.fromkeys(groups, 0), dict.fromkeys(groups, 0), []
    requests = 0
    while rows := sync_conversations(alice, versions)["conversations"]:
        requests += 1
        assert sum(len(row["deleted_ids"]) for row in rows) <= 2000
        for row in rows:
            deleted[row["id"]] += len(row["deleted_ids"])
            contents += list_contents(row)
            assert (versions[row["id"]] == row["version"]) <= row["has_more"]
            versions[row["id"]] = row["version"]
    assert deleted == dict.fromkeys(groups, 900)
    assert contents == ["after them all"] * 3
    assert requests <= 3


@pytest.mark.parametrize("count", [2, 40])
def test_sync_needs_a_fixed_number_of_statements(
    app: Flask, alice: ApiClient, bob: ApiClient, count: int
) -> None:
    groups = [make_group(app, ALICE, BOB) for _ in range(count)]
    for group in groups:
        delete_message(bob, send_text(bob, group))
        send_text(bob, group)
    versions = dict.fromkeys(groups[::2], 0)
    with counted_queries(app, db) as statements:
        assert len(sync_conversations(alice, versions)["conversations"]) == count
    assert len(statements) == 7
    with counted_queries(app, db) as statements:
        assert sync_conversations(alice, dict.fromkeys(groups, 3))["conversations"] == []
    assert len(statements) == 2
