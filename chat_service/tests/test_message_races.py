"""Concurrent sends, reads and deletions."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select, text

from chat_service.db import db, transaction
from chat_service.models import Conversation
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_unread_count,
    hide_messages,
    list_conversations,
    list_messages,
    send_text,
    try_send_text,
)
from chat_service.tests.factories import befriend, make_group
from shared.testing.cast import ALICE, BOB, CAROL, DAVE, signed_in
from shared.testing.client import ApiClient, Reply
from shared.testing.races import run_concurrently

pytestmark = pytest.mark.database

REPEATEDLY = pytest.mark.parametrize("attempt", range(3))
CAST = (ALICE, BOB, CAROL, DAVE)


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with all users."""
    return make_group(app, ALICE, BOB, CAROL, DAVE)


def devices(app: Flask, user_id: int, count: int) -> list[ApiClient]:
    return [signed_in(app, user_id) for _ in range(count)]


def statuses(replies: list[Reply]) -> Counter[int]:
    return Counter(reply.status_code for reply in replies)


@pytest.mark.parametrize("has_client_id", [False, True])
def test_fifty_concurrent_sends_are_fifty_messages_in_one_order(
    app: Flask, alice: ApiClient, group: int, has_client_id: bool
) -> None:
    senders = [signed_in(app, CAST[number % 4]) for number in range(50)]

    def send(number: int) -> Reply:
        more = {"client_id": str(number)} if has_client_id else {}
        return try_send_text(senders[number], group, str(number), **more)

    replies = run_concurrently(*(partial(send, number) for number in range(50)))
    seen = list_messages(alice, group)
    assert statuses(replies) == {200: 50}
    assert [message["seq"] for message in seen] == list(range(1, 51))
    assert [message["id"] for message in seen] == sorted(message["id"] for message in seen)
    assert {reply.json["message_id"] for reply in replies} == {message["id"] for message in seen}


def test_unread_counts_are_exact_after_fifty_concurrent_sends(app: Flask, group: int) -> None:
    senders = [signed_in(app, CAST[number % 4]) for number in range(50)]
    run_concurrently(
        *(lambda sender=sender: try_send_text(sender, group, "hello") for sender in senders)
    )
    counts = {user_id: get_unread_count(signed_in(app, user_id), group) for user_id in CAST}
    own_last = {message["senderid"]: message["seq"] for message in list_messages(senders[0], group)}
    assert counts == {user_id: 50 - own_last[user_id] for user_id in CAST}


@REPEATEDLY
def test_ten_concurrent_sends_with_one_client_id_are_one_message(
    app: Flask, group: int, attempt: int
) -> None:
    replies = run_concurrently(
        *(
            lambda device=device: try_send_text(device, group, "hello", client_id="a-1")
            for device in devices(app, ALICE, 10)
        )
    )
    [message] = list_messages(signed_in(app, BOB), group)
    assert statuses(replies) == {200: 10}
    assert {(reply.json["message_id"], reply.json["seq"]) for reply in replies} == {
        (message["id"], 1)
    }


@REPEATEDLY
def test_concurrent_sends_with_one_client_id_in_two_conversations_are_one_message(
    app: Flask, group: int, attempt: int
) -> None:
    other = make_group(app, ALICE)
    one, two = devices(app, ALICE, 2)
    replies = run_concurrently(
        lambda: try_send_text(one, group, "hello", client_id="a-1"),
        lambda: try_send_text(two, other, "hello", client_id="a-1"),
    )
    assert statuses(replies) == {200: 1, 409: 1}


def test_a_repeat_that_waits_for_the_deletion_of_its_message_sends_nothing(
    app: Flask, alice: ApiClient, group: int
) -> None:
    message_id = send_text(alice, group, client_id="x")
    deleting, repeating = devices(app, ALICE, 2)
    with app.app_context(), ThreadPoolExecutor(2) as pool:
        if db.is_sqlite:
            pytest.skip("Where only one transaction writes, no statement begins before it ends.")
        with transaction():
            db.execute(select(Conversation.id).where(Conversation.id == group).with_for_update())
            deletion = pool.submit(delete_message, deleting, message_id)
            wait_for_blocked(1)
            repeat = pool.submit(try_send_text, repeating, group, "hello", client_id="x")
            wait_for_blocked(2)
    assert deletion.result().status_code == 200
    assert repeat.result().json["message_id"] == message_id
    assert list_messages(alice, group) == []


def wait_for_blocked(count: int) -> None:
    """Wait until this number of statements waits for a lock."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = time.monotonic() + 3
    with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        while connection.execute(blocked).scalar_one() != count:
            assert time.monotonic() < deadline


@REPEATEDLY
def test_repeats_during_the_deletion_of_the_message_send_nothing(
    app: Flask, alice: ApiClient, group: int, attempt: int
) -> None:
    message_id = send_text(alice, group, client_id="x")
    deleting, *repeating = devices(app, ALICE, 6)
    deletion, *repeats = run_concurrently(
        lambda: delete_message(deleting, message_id),
        *(lambda d=d: try_send_text(d, group, "hello", client_id="x") for d in repeating),
    )
    assert deletion.status_code == 200
    assert {reply.json["message_id"] for reply in repeats} == {message_id}
    assert list_messages(alice, group) == []


@REPEATEDLY
def test_concurrent_deletions_delete_a_message_once(
    app: Flask, bob: ApiClient, group: int, attempt: int
) -> None:
    message_id = send_text(bob, group)
    replies = run_concurrently(
        *(
            lambda device=device: delete_message(device, message_id)
            for device in devices(app, ALICE, 6)
        )
    )
    assert statuses(replies) == {200: 1, 404: 5}
    assert fetch_messages(bob, group)["version"] == 2


@REPEATEDLY
def test_deleting_while_others_read_leaves_exact_counts(
    app: Flask, alice: ApiClient, group: int, attempt: int
) -> None:
    ids = [send_text(alice, group) for _ in range(4)]
    readers = [*devices(app, BOB, 2), *devices(app, CAROL, 2)]
    deleters = devices(app, ALICE, 4)
    replies = run_concurrently(
        *(lambda d=d, m=m: delete_message(d, m) for d, m in zip(deleters, ids, strict=True)),
        *(
            lambda r=r: r.get("/conversations/messages", json={"conversationId": group})
            for r in readers
        ),
    )
    counts = [get_unread_count(signed_in(app, user_id), group) for user_id in CAST]
    assert statuses(replies) == {200: 8}
    assert counts == [0, 0, 0, 0]


@REPEATEDLY
def test_sends_and_deletions_preserve_order_and_versions(
    app: Flask, alice: ApiClient, group: int, attempt: int
) -> None:
    ids = [send_text(alice, group) for _ in range(5)]
    replies = run_concurrently(
        *(
            lambda d=d, m=m: delete_message(d, m)
            for d, m in zip(devices(app, ALICE, 5), ids, strict=True)
        ),
        *(lambda s=s: try_send_text(s, group, "hello") for s in devices(app, BOB, 5)),
    )
    news = fetch_messages(alice, group, after_version=5)
    assert statuses(replies) == {200: 10}
    assert [message["seq"] for message in news["messages"]] == [6, 7, 8, 9, 10]
    assert (sorted(news["deleted_ids"]), news["version"]) == (ids, 15)


@REPEATEDLY
def test_sync_during_sends_and_deletions_misses_nothing(
    app: Flask, group: int, attempt: int
) -> None:
    copy: dict[int, str] = {}
    version = 0

    def send_and_delete(sender: ApiClient) -> None:
        for number in range(6):
            message_id = send_text(sender, group)
            if number % 2:
                delete_message(sender, message_id)

    def sync_conversations() -> None:
        nonlocal version
        reader = signed_in(app, DAVE)
        for _ in range(12):
            news = fetch_messages(reader, group, after_version=version, limit=4)
            copy.update({message["id"]: message["content"] for message in news["messages"]})
            for message_id in news["deleted_ids"]:
                copy.pop(message_id, None)
            version = news["version"]

    speakers = [signed_in(app, user_id) for user_id in (ALICE, BOB, CAROL)]
    run_concurrently(*(lambda s=s: send_and_delete(s) for s in speakers), sync_conversations)
    sync_conversations()
    assert sorted(copy) == [message["id"] for message in list_messages(speakers[0], group)]


@REPEATEDLY
def test_hiding_during_a_deletion_succeeds_or_is_not_found(
    app: Flask, bob: ApiClient, group: int, attempt: int
) -> None:
    message_id = send_text(bob, group)
    hidden, deleted = run_concurrently(
        lambda: hide_messages(signed_in(app, CAROL), message_id),
        lambda: delete_message(bob, message_id),
    )
    assert deleted.status_code == 200
    assert hidden.status_code in (200, 404)
    assert get_unread_count(signed_in(app, CAROL), group) == 0


@REPEATEDLY
def test_hiding_the_same_messages_concurrently_succeeds(
    app: Flask, bob: ApiClient, group: int, attempt: int
) -> None:
    ids = [send_text(bob, group) for _ in range(5)]
    one, two = devices(app, CAROL, 2)
    replies = run_concurrently(
        lambda: hide_messages(one, *ids), lambda: hide_messages(two, *reversed(ids))
    )
    assert statuses(replies) == {200: 2}
    assert list_messages(one, group) == []


@REPEATEDLY
def test_concurrent_friendship_events_open_one_conversation(
    app: Flask, alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    run_concurrently(*(lambda: befriend(app, ALICE, BOB) for _ in range(8)))
    assert len(list_conversations(alice)) == len(list_conversations(bob)) == 1


@REPEATEDLY
def test_sending_while_the_friendship_ends_is_success_or_not_found(
    app: Flask, alice: ApiClient, attempt: int
) -> None:
    befriend(app, ALICE, BOB)
    [conversation] = [row["id"] for row in list_conversations(alice)]
    replies: list[Reply] = []
    run_concurrently(
        lambda: replies.append(try_send_text(alice, conversation, "hello")),
        lambda: befriend(app, ALICE, BOB, active=False, version=2),
    )
    assert statuses(replies) in ({200: 1}, {404: 1})


def test_a_slow_clock_does_not_reverse_times(app: Flask, alice: ApiClient, group: int) -> None:
    send_text(alice, group)
    with app.app_context(), transaction():
        conversation = db.session.get_one(Conversation, group)
        assert conversation.last_message_at is not None
        future = conversation.last_message_at.replace(year=2999)
        conversation.last_message_at = future
    send_text(alice, group)
    send_text(alice, group)
    years = [message["created_time"][:4] for message in list_messages(alice, group)]
    assert years[1:] == ["2999", "2999"]
