"""Sending, reading and deleting at the same time: the database settles it."""

from collections import Counter

import pytest
from flask import Flask

from chat_service.db import db, transaction
from chat_service.models import Conversation
from chat_service.tests.calls import (
    attempt_to_say,
    conversations,
    fetch,
    hide,
    messages,
    remove_for_everybody,
    say,
    unread,
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
    """Alice's group, with everybody."""
    return make_group(app, ALICE, BOB, CAROL, DAVE)


def devices(app: Flask, user_id: int, count: int) -> list[ApiClient]:
    return [signed_in(app, user_id) for _ in range(count)]


def statuses(replies: list[Reply]) -> Counter[int]:
    return Counter(reply.status_code for reply in replies)


def test_fifty_sends_at_once_are_fifty_messages_in_one_order(
    app: Flask, alice: ApiClient, group: int
) -> None:
    senders = [signed_in(app, CAST[number % 4]) for number in range(50)]
    replies = run_concurrently(
        *(
            lambda sender=sender, text=str(number): attempt_to_say(sender, group, text)
            for number, sender in enumerate(senders)
        )
    )
    seen = messages(alice, group)
    assert statuses(replies) == {200: 50}
    assert [message["seq"] for message in seen] == list(range(1, 51))
    assert [message["id"] for message in seen] == sorted(message["id"] for message in seen)
    assert {reply.json["message_id"] for reply in replies} == {message["id"] for message in seen}


def test_after_fifty_sends_at_once_everybodys_unread_count_is_exact(app: Flask, group: int) -> None:
    senders = [signed_in(app, CAST[number % 4]) for number in range(50)]
    run_concurrently(
        *(lambda sender=sender: attempt_to_say(sender, group, "hello") for sender in senders)
    )
    counts = {user_id: unread(signed_in(app, user_id), group) for user_id in CAST}
    own_last = {message["senderid"]: message["seq"] for message in messages(senders[0], group)}
    assert counts == {user_id: 50 - own_last[user_id] for user_id in CAST}


@REPEATEDLY
def test_one_client_id_ten_times_at_once_is_one_message(
    app: Flask, group: int, attempt: int
) -> None:
    replies = run_concurrently(
        *(
            lambda device=device: attempt_to_say(device, group, "hello", client_id="a-1")
            for device in devices(app, ALICE, 10)
        )
    )
    [message] = messages(signed_in(app, BOB), group)
    assert statuses(replies) == {200: 10}
    assert {(reply.json["message_id"], reply.json["seq"]) for reply in replies} == {
        (message["id"], 1)
    }


@REPEATEDLY
def test_one_client_id_in_two_conversations_at_once_is_one_message(
    app: Flask, group: int, attempt: int
) -> None:
    other = make_group(app, ALICE)
    one, two = devices(app, ALICE, 2)
    replies = run_concurrently(
        lambda: attempt_to_say(one, group, "hello", client_id="a-1"),
        lambda: attempt_to_say(two, other, "hello", client_id="a-1"),
    )
    assert statuses(replies) == {200: 1, 409: 1}


@REPEATEDLY
def test_a_message_deleted_many_times_at_once_is_deleted_once(
    app: Flask, bob: ApiClient, group: int, attempt: int
) -> None:
    message_id = say(bob, group)
    replies = run_concurrently(
        *(
            lambda device=device: remove_for_everybody(device, message_id)
            for device in devices(app, ALICE, 6)
        )
    )
    assert statuses(replies) == {200: 1, 404: 5}
    assert fetch(bob, group)["version"] == 2


@REPEATEDLY
def test_deleting_while_others_read_leaves_exact_counts(
    app: Flask, alice: ApiClient, group: int, attempt: int
) -> None:
    ids = [say(alice, group) for _ in range(4)]
    readers = [*devices(app, BOB, 2), *devices(app, CAROL, 2)]
    deleters = devices(app, ALICE, 4)
    replies = run_concurrently(
        *(lambda d=d, m=m: remove_for_everybody(d, m) for d, m in zip(deleters, ids, strict=True)),
        *(
            lambda r=r: r.get("/conversations/messages", json={"conversationId": group})
            for r in readers
        ),
    )
    counts = [unread(signed_in(app, user_id), group) for user_id in CAST]
    assert statuses(replies) == {200: 8}
    assert counts == [0, 0, 0, 0]


@REPEATEDLY
def test_sending_while_messages_are_deleted_keeps_order_and_versions(
    app: Flask, alice: ApiClient, group: int, attempt: int
) -> None:
    ids = [say(alice, group) for _ in range(5)]
    replies = run_concurrently(
        *(
            lambda d=d, m=m: remove_for_everybody(d, m)
            for d, m in zip(devices(app, ALICE, 5), ids, strict=True)
        ),
        *(lambda s=s: attempt_to_say(s, group, "hello") for s in devices(app, BOB, 5)),
    )
    news = fetch(alice, group, after_version=5)
    assert statuses(replies) == {200: 10}
    assert [message["seq"] for message in news["messages"]] == [6, 7, 8, 9, 10]
    assert (sorted(news["deleted_ids"]), news["version"]) == (ids, 15)


@REPEATEDLY
def test_who_catches_up_while_others_send_and_delete_misses_nothing(
    app: Flask, group: int, attempt: int
) -> None:
    known: dict[int, str] = {}
    version = 0

    def talk(sender: ApiClient) -> None:
        for number in range(6):
            message_id = say(sender, group)
            if number % 2:
                remove_for_everybody(sender, message_id)

    def catch_up() -> None:
        nonlocal version
        reader = signed_in(app, DAVE)
        for _ in range(12):
            news = fetch(reader, group, after_version=version, limit=4)
            known.update({message["id"]: message["content"] for message in news["messages"]})
            for message_id in news["deleted_ids"]:
                known.pop(message_id, None)
            version = news["version"]

    speakers = [signed_in(app, user_id) for user_id in (ALICE, BOB, CAROL)]
    run_concurrently(*(lambda s=s: talk(s) for s in speakers), catch_up)
    catch_up()
    assert sorted(known) == [message["id"] for message in messages(speakers[0], group)]


@REPEATEDLY
def test_hiding_while_it_is_deleted_is_success_or_not_found(
    app: Flask, bob: ApiClient, group: int, attempt: int
) -> None:
    message_id = say(bob, group)
    hidden, deleted = run_concurrently(
        lambda: hide(signed_in(app, CAROL), message_id),
        lambda: remove_for_everybody(bob, message_id),
    )
    assert deleted.status_code == 200
    assert hidden.status_code in (200, 404)
    assert unread(signed_in(app, CAROL), group) == 0


@REPEATEDLY
def test_hiding_the_same_messages_twice_at_once_succeeds(
    app: Flask, bob: ApiClient, group: int, attempt: int
) -> None:
    ids = [say(bob, group) for _ in range(5)]
    one, two = devices(app, CAROL, 2)
    replies = run_concurrently(lambda: hide(one, *ids), lambda: hide(two, *reversed(ids)))
    assert statuses(replies) == {200: 2}
    assert messages(one, group) == []


@REPEATEDLY
def test_a_friendship_told_many_times_at_once_is_one_conversation(
    app: Flask, alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    run_concurrently(*(lambda: befriend(app, ALICE, BOB) for _ in range(8)))
    assert len(conversations(alice)) == len(conversations(bob)) == 1


@REPEATEDLY
def test_sending_while_the_friendship_ends_is_success_or_not_found(
    app: Flask, alice: ApiClient, attempt: int
) -> None:
    befriend(app, ALICE, BOB)
    [conversation] = [row["id"] for row in conversations(alice)]
    replies: list[Reply] = []
    run_concurrently(
        lambda: replies.append(attempt_to_say(alice, conversation, "hello")),
        lambda: befriend(app, ALICE, BOB, active=False, version=2),
    )
    assert statuses(replies) in ({200: 1}, {404: 1})


def test_a_clock_that_runs_behind_does_not_turn_the_order_of_times(
    app: Flask, alice: ApiClient, group: int
) -> None:
    say(alice, group)
    with app.app_context(), transaction():
        conversation = db.session.get_one(Conversation, group)
        assert conversation.last_message_at is not None
        future = conversation.last_message_at.replace(year=2999)
        conversation.last_message_at = future
    say(alice, group)
    say(alice, group)
    years = [message["created_time"][:4] for message in messages(alice, group)]
    assert years[1:] == ["2999", "2999"]
