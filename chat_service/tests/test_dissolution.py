"""A dissolved group is unknown at once; a long history is deleted in batches, later."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from chat_service import errors
from chat_service.db import db
from chat_service.domain.dissolution import delete_dissolved_groups
from chat_service.models import (
    Announcement,
    Conversation,
    Deletion,
    Invitation,
    Message,
    SearchGram,
)
from chat_service.tests.calls import delete_message, send_image, send_text
from chat_service.tests.factories import index_all_messages, make_group, make_history
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, assert_error
from shared.testing.corruption import find_violations
from shared.testing.databases import counted_queries
from shared.testing.s3 import media_keys

pytestmark = pytest.mark.database

MESSAGES = 2_500
MESSAGES_PATH = "/conversations/messages"
OF_A_GROUP = (Conversation, Message, Deletion, SearchGram, Announcement, Invitation)


def count_rows(app: Flask) -> dict[str, int]:
    """Count the rows that belong to groups, by table."""
    with app.app_context():
        counts = {
            each: db.session.scalar(select(func.count()).select_from(each)) for each in OF_A_GROUP
        }
    return {table.__tablename__: count or 0 for table, count in counts.items()}


@pytest.fixture
def group(app: Flask, alice: ApiClient, bob: ApiClient) -> int:
    """Alice's group with bob, a long history, an image and a deleted message."""
    group = make_group(app, ALICE, BOB)
    make_history(app, group, BOB, MESSAGES)
    send_image(alice, group)
    delete_message(bob, send_text(bob, group, "to be deleted"))
    path = "/conversations/manage/notifications"
    assert alice.post(path, json={"conversation_id": group, "content": "!"}).status_code == 200
    index_all_messages(app)
    return group


def dissolve(owner: ApiClient, group: int) -> None:
    reply = owner.post("/conversations/member/remove", json={"conversation_id": group})
    assert reply.status_code == 200


def test_a_group_with_a_long_history_is_unknown_at_once(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    dissolve(alice, group)

    assert count_rows(app)["messages"] > 0
    for member in (alice, bob):
        reply = member.get(MESSAGES_PATH, query_string={"conversationId": group})
        assert_error(reply, errors.CONVERSATION_NOT_FOUND_ZH)
        assert member.get("/conversations").json["conversation"] == []
    assert find_violations(app) == {}


def test_what_is_left_is_deleted_later(
    app: Flask, alice: ApiClient, group: int, settings: dict[str, str]
) -> None:
    other = make_group(app, ALICE, BOB)
    send_text(alice, other, "hello")
    index_all_messages(app)
    rows, pictures = count_rows(app), media_keys(settings)
    dissolve(alice, group)

    with app.app_context():
        delete_dissolved_groups()

    left = count_rows(app)
    grams = left.pop("search_grams")
    assert left == {**dict.fromkeys(left, 0), "conversations": 1, "messages": 1}
    assert 0 < grams < rows["search_grams"]
    assert len(media_keys(settings)) == len(pictures) - 1
    assert find_violations(app) == {}


def test_dissolving_needs_the_same_statements_for_every_history(
    app: Flask, alice: ApiClient, group: int
) -> None:
    small = make_group(app, ALICE, BOB)
    with counted_queries(app, db) as for_small:
        dissolve(alice, small)
    with counted_queries(app, db) as for_long:
        dissolve(alice, group)

    assert 0 < len(for_long) <= len(for_small)
