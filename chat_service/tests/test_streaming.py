"""Long lists are streamed in blocks: complete, ordered, limited, and without a held connection."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import case, func, insert, select, update
from sqlalchemy.pool import QueuePool
from werkzeug.test import TestResponse

from chat_service.db import db, transaction
from chat_service.domain.history import long_reads
from chat_service.models import (
    REJECTED,
    Announcement,
    Conversation,
    Deletion,
    Invitation,
    Message,
)
from chat_service.tests.calls import (
    MESSAGES,
    delete_message,
    fetch_messages,
    get_unread_count,
    hide_messages,
    list_messages,
    send_image,
    send_text,
)
from chat_service.tests.factories import index_all_messages, make_account, make_group, make_history
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient
from shared.testing.tokens import issue
from shared.web.errors import SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS

pytestmark = pytest.mark.database

COUNT = 2600
FIND = "/conversations/manage_messages"
REPLIES = "/conversations/get_reply"
ANNOUNCEMENTS = "/conversations/manage/notifications"
INVITATIONS = "/conversations/invitation"


@pytest.fixture
def group(app: Flask, alice: ApiClient, bob: ApiClient) -> int:
    """Alice's group, with many messages of bob."""
    conversation = make_group(app, ALICE, BOB)
    make_history(app, conversation, BOB, COUNT)
    return conversation


@pytest.fixture
def group_lists(app: Flask) -> int:
    """Alice's group with bob, and her many announcements and rejected invitations in it."""
    conversation = make_group(app, ALICE, BOB)
    usual = {"conversation_id": conversation, "sender_id": ALICE, "created_at": datetime.now(UTC)}
    announcement = {**usual, "content": "公告内容"}
    invitation = {**usual, "receiver_id": CAROL, "status": REJECTED}
    with app.app_context(), transaction():
        db.session.execute(insert(Announcement), [announcement] * COUNT)
        db.session.execute(insert(Invitation), [invitation] * COUNT)
    return conversation


def make_replies(app: Flask, target: int) -> None:
    """Make all later messages replies to a message."""
    with app.app_context(), transaction():
        db.session.execute(update(Message).values(reply_to_id=case((Message.id > target, target))))


def open_response(app: Flask, user_id: int, path: str = MESSAGES, **query: Any) -> TestResponse:
    """Send a request, and return the response without reading its body."""
    client, headers = app.test_client(), {"Authorization": issue(user_id)}
    return client.open(path, headers=headers, query_string=query)


def iter_blocks(response: TestResponse) -> Iterator[bytes]:
    return iter(response.iter_encoded())


def test_all_messages_are_streamed_once_and_in_order(alice: ApiClient, group: int) -> None:
    hidden = list_messages(alice, group, limit=10)[:2]
    hide_messages(alice, *(message["id"] for message in hidden))
    seqs = [message["seq"] for message in list_messages(alice, group)]
    missing = {message["seq"] for message in hidden}
    assert seqs == [n for n in range(1, COUNT + 1) if n not in missing]
    assert get_unread_count(alice, group) == 0


def test_long_responses_have_the_fields_of_short_ones(alice: ApiClient, group: int) -> None:
    response = fetch_messages(alice, group)
    assert {**response, "messages": []} == {
        "code": 0,
        "info": "success",
        "messages": [],
        "deleted_ids": [],
        "version": COUNT,
    }


def test_a_long_response_respects_bounds(alice: ApiClient, group: int) -> None:
    ids = [message["id"] for message in list_messages(alice, group)]
    assert [each["id"] for each in list_messages(alice, group, after_id=ids[99])] == ids[100:]
    assert [each["id"] for each in list_messages(alice, group, before_id=ids[-100])] == ids[:-100]
    assert [each["id"] for each in list_messages(alice, group, after_version=50)] == ids[50:]
    both = list_messages(
        alice, group, after_id=ids[9], before_id=ids[-10], **{"from": "2020-01-01T00:00:00Z"}
    )
    assert [each["id"] for each in both] == ids[10:-10]


def test_replies_are_streamed_once_and_in_order(app: Flask, alice: ApiClient, group: int) -> None:
    target, first, second, *others = (message["id"] for message in list_messages(alice, group))
    make_replies(app, target)
    hide_messages(alice, second)
    response = alice.get(REPLIES, query_string={"message_id": target}).json
    assert response.keys() == {"code", "info", "replies"}
    assert [reply["reply_id"] for reply in response["replies"]] == [first, *others]
    assert response["replies"][-1]["sender_name"] == "Bob"


def test_many_deleted_ids_are_streamed(app: Flask, alice: ApiClient, group: int) -> None:
    count = 10_001
    usual = {"conversation_id": group, "sender_id": BOB, "created_at": datetime.now(UTC)}
    rows = [
        {**usual, "message_id": 10**9 + n, "seq": COUNT + n, "version": COUNT + count + n}
        for n in range(1, count + 1)
    ]
    with app.app_context(), transaction():
        db.session.execute(insert(Deletion), rows)
        db.session.execute(
            update(Conversation).values(last_seq=COUNT + count, version=COUNT + 2 * count)
        )
    response = fetch_messages(alice, group, after_version=0)
    assert response["deleted_ids"] == [row["message_id"] for row in rows]
    assert len(response["messages"]) == COUNT
    assert response["version"] == COUNT + 2 * count


def test_no_connection_is_held_while_a_block_waits_for_its_client(
    app: Flask, group: int, group_lists: int
) -> None:
    with app.app_context():
        pool = db.engine.pool
        target = db.session.scalar(select(func.min(Message.id))) or 0
    assert isinstance(pool, QueuePool)
    make_replies(app, target)
    whole, of_group = {"conversationId": group}, {"conversation_id": group_lists}
    for path, query in (
        (MESSAGES, whole),
        (FIND, whole),
        (REPLIES, {"message_id": target}),
        (ANNOUNCEMENTS, of_group),
        (INVITATIONS, of_group),
    ):
        with closing(open_response(app, ALICE, path, **query)) as response:
            in_use = [pool.checkedout() for _ in iter_blocks(response)]
        assert len(in_use) > 2
        assert set(in_use) == {0}


@pytest.mark.parametrize(
    ("path", "name", "id_name"),
    [
        (ANNOUNCEMENTS, "notifications", "notification_id"),
        (INVITATIONS, "invitations", "invite_id"),
    ],
)
def test_long_lists_of_a_group_are_streamed_newest_first(
    app: Flask, group_lists: int, path: str, name: str, id_name: str
) -> None:
    with closing(open_response(app, BOB, path, conversation_id=group_lists)) as response:
        blocks = list(iter_blocks(response))
    listed = json.loads(b"".join(blocks))[name]
    ids = [each[id_name] for each in listed]
    assert len(ids) == COUNT
    assert ids == sorted(ids, reverse=True)
    assert {each["sender_name"] for each in listed} == {"Alice"}
    assert max(map(len, blocks)) < 100_000


def test_the_read_position_moves_after_the_last_block(
    app: Flask, alice: ApiClient, group: int
) -> None:
    with closing(open_response(app, ALICE, conversationId=group)) as response:
        next(iter_blocks(response))
    assert get_unread_count(alice, group) == COUNT


def test_messages_sent_during_the_stream_are_not_marked_as_read(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    with closing(open_response(app, ALICE, conversationId=group)) as response:
        blocks = iter_blocks(response)
        first = next(blocks)
        send_text(bob, group, "later")
        content = json.loads(b"".join([first, *blocks]))
    assert (len(content["messages"]), content["version"]) == (COUNT, COUNT)
    assert get_unread_count(alice, group) == 1


@pytest.mark.parametrize(
    ("path", "fixture"),
    [
        (MESSAGES, "group"),
        (FIND, "group"),
        (ANNOUNCEMENTS, "group_lists"),
        (INVITATIONS, "group_lists"),
    ],
)
def test_a_member_removed_during_the_stream_gets_no_more(
    app: Flask, alice: ApiClient, request: pytest.FixtureRequest, path: str, fixture: str
) -> None:
    group = request.getfixturevalue(fixture)
    with closing(open_response(app, BOB, path, conversation_id=group)) as response:
        blocks = iter_blocks(response)
        next(blocks)
        removal = {"conversation_id": group, "user": BOB}
        assert alice.delete("/conversations/member/remove", json=removal).status_code == 200
        with pytest.raises(ConnectionResetError):
            list(blocks)


def test_a_user_has_two_streams(app: Flask, alice: ApiClient, group: int) -> None:
    with (
        closing(open_response(app, ALICE, conversationId=group)),
        closing(open_response(app, ALICE, FIND, conversationId=group)),
        closing(open_response(app, BOB, conversationId=group)),
    ):
        rejection = alice.get(MESSAGES, query_string={"conversationId": group})
        assert (rejection.status_code, rejection.json["code"]) == (
            429,
            TOO_MANY_REQUESTS.code,
        )
        assert int(rejection.headers["Retry-After"]) > 0
        assert len(list_messages(alice, group, limit=1000, read="false")) == 1000
    assert get_unread_count(alice, group) == COUNT
    assert len(list_messages(alice, group)) == COUNT


def test_a_process_has_sixteen_streams(app: Flask, alice: ApiClient) -> None:
    readers = range(100, 108)
    for reader in readers:
        make_account(app, reader, f"Reader {reader}")
    group = make_group(app, ALICE, *readers)
    make_history(app, group, BOB, 1100)
    begun = [
        open_response(app, reader, conversationId=group) for reader in readers for _ in range(2)
    ]
    rejection = alice.get(MESSAGES, query_string={"conversationId": group})
    for response in begun:
        response.close()
    assert (rejection.status_code, rejection.json["code"]) == (
        503,
        SERVICE_UNAVAILABLE.code,
    )
    assert int(rejection.headers["Retry-After"]) > 0
    assert len(list_messages(alice, group)) == 1100


def test_a_head_request_needs_no_slot(app: Flask, group: int) -> None:
    for _ in range(3):
        client, headers = app.test_client(), {"Authorization": issue(ALICE)}
        reply = client.head(MESSAGES, headers=headers, query_string={"conversationId": group})
        assert (reply.status_code, reply.data) == (200, b"")
    assert long_reads.in_use == 0


@pytest.mark.parametrize("indexed", ["nothing", "the oldest", "everything"])
def test_a_search_covers_a_long_conversation(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, group: int, indexed: str
) -> None:
    send_text(carol, make_group(app, CAROL, BOB), "needle elsewhere")
    sent_ids = [send_text(bob, group, text) for text in ("NEEDLE one", "hay", "hidden needle")]
    hide_messages(alice, sent_ids.pop())
    delete_message(bob, send_text(bob, group, "deleted needle"))
    if indexed == "the oldest":
        index_all_messages(app)
    sent_ids += [
        send_text(bob, group, text) for text in ("two needle", "need le", "edlene", "deedle")
    ]
    send_image(bob, group)
    if indexed == "everything":
        index_all_messages(app)

    def search_ids(**filters: Any) -> list[int]:
        reply = alice.get(FIND, query_string={"conversationId": group, **filters})
        return [message["id"] for message in reply.json["messages"]]

    whole = [message["id"] for message in list_messages(alice, group)]
    times = [
        message["created_time"] for message in list_messages(alice, group, after_id=sent_ids[0] - 1)
    ]
    assert search_ids() == whole
    assert search_ids(content="needle") == [sent_ids[0], sent_ids[2]]
    assert search_ids(content="hello") == whole[:COUNT]
    assert search_ids(content="l") == [*whole[:COUNT], sent_ids[0], *sent_ids[2:]]
    assert search_ids(content="ll hello") == search_ids(content="el", sender_id=ALICE) == []
    assert search_ids(content="he", end_time=times[0]) == whole[:COUNT]
    assert search_ids(content="ne", start_time=times[0]) == [sent_ids[0], *sent_ids[2:5]]
    assert search_ids(sender_name="B", content="Needle") == [sent_ids[0], sent_ids[2]]
    assert search_ids(sender_id=ALICE) == []
    assert set(sent_ids) <= set(search_ids(start_time=times[0]))
    assert (
        search_ids(start_time="2999-01-01T00:00:00Z")
        == search_ids(end_time="2001-01-01T00:00:00Z")
        == []
    )
