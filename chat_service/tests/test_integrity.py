"""``python -m chat_service verify`` detects all kinds of corruption, and nothing else."""

import pytest
from flask import Flask

from chat_service.db import db
from chat_service.domain.media import media_store
from chat_service.tests.calls import (
    delete_message,
    hide_messages,
    list_messages,
    send_image,
    send_text,
)
from chat_service.tests.factories import befriend, index_all_messages, make_group
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient
from shared.testing.corruption import corrupt, find_violations

pytestmark = pytest.mark.database

HIDDEN = "a hidden message has the conversation and number of the message"
INDEX = "the search index equals the texts"
INVITATIONS = "no member of a group has a pending invitation"
KNOWN = "all referenced accounts are known"
MEMBERS = "a group has one owner, a private conversation its pair"
NUMBERS = "messages and deletions are numbered 1, 2, 3 ..."
ORDER = "ids, versions and times have the order of the numbers"
PICTURES = "every picture is in the store"
POSITIONS = "no read position is after the last message"
REFERENCES = "every reference leads to a row"
UNREAD = "unread counts equal a recount"
VERSIONS = "the version counts all sends and deletions"

GROUP, PRIVATE = 1, 2


@pytest.fixture
def history(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    """A group and private conversations with all kinds of changes.

    Of the group's messages 1 to 4, alice has hidden 2, and 3 is deleted.
    """
    group = make_group(app, ALICE, BOB)
    befriend(app, ALICE, BOB)
    befriend(app, ALICE, CAROL)
    send_text(alice, group, "first")
    hide_messages(alice, send_text(bob, group, "hidden from alice"))
    delete_message(bob, send_text(bob, group, "to be deleted"))
    send_text(bob, group, "last")
    send_text(alice, PRIVATE, "hello")
    alice.post(
        "/conversations/manage/notifications", json={"conversation_id": group, "content": "!"}
    )
    alice.post("/conversations/member/add", json={"conversationId": group, "member_id": CAROL})
    befriend(app, ALICE, CAROL, active=False, version=2)
    index_all_messages(app)
    send_text(alice, PRIVATE, "not yet in the index")


def test_requests_violate_no_invariant(app: Flask, history: None) -> None:
    assert find_violations(app) == {}


@pytest.mark.parametrize(
    ("statement", "invariants"),
    [
        ("DELETE FROM messages WHERE id = 4", {NUMBERS, UNREAD}),
        ("UPDATE messages SET seq = 9 WHERE id = 4", {NUMBERS}),
        ("UPDATE deletions SET seq = 4 WHERE message_id = 3", {NUMBERS}),
        ("UPDATE conversations SET last_seq = 5 WHERE id = 1", {NUMBERS, VERSIONS, UNREAD}),
        ("UPDATE conversations SET version = 9 WHERE id = 1", {VERSIONS}),
        ("UPDATE messages SET version = 9 WHERE id = 4", {VERSIONS}),
        ("UPDATE messages SET version = 0 WHERE id = 2", {ORDER}),
        ("UPDATE messages SET created_at = '2001-01-01 00:00:00' WHERE id = 4", {ORDER}),
        ("UPDATE messages SET sender_id = 99 WHERE id = 4", {KNOWN}),
        ("UPDATE messages SET conversation_id = 99 WHERE id = 4", {REFERENCES, NUMBERS}),
        ("UPDATE memberships SET role = 3 WHERE conversation_id = 1", {MEMBERS}),
        ("DELETE FROM memberships WHERE conversation_id = 2", {MEMBERS}),
        ("UPDATE memberships SET user_id = 3 WHERE user_id = 2", {MEMBERS}),
        ("UPDATE memberships SET read_seq = 5 WHERE user_id = 2", {POSITIONS}),
        ("UPDATE memberships SET unread_seq = 0 WHERE user_id = 2", {UNREAD}),
        ("UPDATE hidden_messages SET seq = 1", {HIDDEN, UNREAD}),
        ("DELETE FROM search_grams WHERE message_id = 1", {INDEX}),
        ("UPDATE search_grams SET message_id = 3 WHERE message_id = 1", {INDEX}),
        ("UPDATE search_grams SET gram = gram + 1 WHERE message_id = 5", {INDEX}),
        ("INSERT INTO search_grams VALUES (1, 1, 3)", {INDEX}),
        ("UPDATE messages SET content = 'other' WHERE id = 1", {INDEX}),
        ("UPDATE search_progress SET indexed_id = 6", {INDEX}),
        ("UPDATE invitations SET receiver_id = 2", {INVITATIONS}),
        ("UPDATE announcements SET conversation_id = 2", {"announcements are in groups"}),
    ],
)
def test_corruption_is_detected(
    app: Flask, history: None, statement: str, invariants: set[str]
) -> None:
    corrupt(app, db, statement)

    assert find_violations(app).keys() >= invariants


def test_a_missing_image_is_detected(app: Flask, history: None, alice: ApiClient) -> None:
    send_image(alice, GROUP)
    [*_, shown] = list_messages(alice, GROUP)
    with app.app_context():
        media_store.delete(shown["content"].rpartition("/")[2])

    assert find_violations(app) == {PICTURES: 1}


def test_all_violations_are_counted_and_some_are_printed(app: Flask, alice: ApiClient) -> None:
    for _ in range(7):
        make_group(app, ALICE)
    corrupt(app, db, "UPDATE conversations SET version = 1")

    shown = app.test_cli_runner().invoke(args=["verify"])

    assert shown.exit_code == 1
    assert f"7  {VERSIONS}" in shown.stdout
    assert "- conversation_id 5, version 1, changes 0\n" in shown.stdout
    assert "- and 2 more\n" in shown.stdout
