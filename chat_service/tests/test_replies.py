"""Replies to messages (聊天消息发送 /conversations/messages POST, /conversations/get_reply)."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    hide_messages,
    list_messages,
    send_image,
    send_text,
    try_send_text,
)
from chat_service.tests.factories import make_account, make_group
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, Reply, assert_error

UNKNOWN_ID = 999


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


def get_replies(caller: ApiClient, message_id: int) -> Reply:
    return caller.get("/conversations/get_reply", query_string={"message_id": message_id})


class TestReply:
    """A reply to another message."""

    def test_a_reply_contains_its_target(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        target = send_text(alice, group, "how are you?")
        send_text(bob, group, "fine", reply_to=target)
        [plain, reply] = list_messages(alice, group)
        shown = {"reply_to": "how are you?", "reply_to_id": target, "reply_to_type": 0}
        assert {name: reply[name] for name in shown} == shown
        assert not shown.keys() & plain.keys()

    def test_an_image_can_be_replied_to(self, alice: ApiClient, group: int) -> None:
        target = send_image(alice, group)
        send_text(alice, group, "nice", reply_to=target)
        [image, reply] = list_messages(alice, group)
        assert (reply["reply_to"], reply["reply_to_type"]) == (image["content"], 1)

    def test_a_reply_to_a_deleted_message_contains_no_target(
        self, alice: ApiClient, group: int
    ) -> None:
        target = send_text(alice, group)
        send_text(alice, group, "fine", reply_to=target)
        delete_message(alice, target)
        [reply] = list_messages(alice, group)
        assert not {"reply_to", "reply_to_id", "reply_to_type"} & reply.keys()

    def test_a_hidden_target_is_quoted_for_other_members_only(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        target = send_text(alice, group)
        send_text(bob, group, "fine", reply_to=target)
        hide_messages(alice, target)
        assert "reply_to" not in list_messages(alice, group)[-1]
        assert list_messages(bob, group)[-1]["reply_to_id"] == target

    def test_a_message_of_another_conversation_cannot_be_replied_to(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        elsewhere = send_text(alice, make_group(app, ALICE))
        reply = try_send_text(alice, group, "hello", reply_to=elsewhere)
        assert_error(reply, errors.REPLY_NOT_FOUND)

    def test_a_deleted_message_cannot_be_replied_to(self, alice: ApiClient, group: int) -> None:
        target = send_text(alice, group)
        delete_message(alice, target)
        reply = try_send_text(alice, group, "hello", reply_to=target)
        assert_error(reply, errors.REPLY_NOT_FOUND)

    def test_a_hidden_message_cannot_be_replied_to_by_its_hider(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        target = send_text(alice, group)
        hide_messages(alice, target)
        assert_error(try_send_text(alice, group, "hello", reply_to=target), errors.REPLY_NOT_FOUND)
        assert try_send_text(bob, group, "hello", reply_to=target).status_code == 200

    def test_a_null_target_is_ignored(self, alice: ApiClient, group: int) -> None:
        send_text(alice, group, reply_to=None)
        assert "reply_to" not in list_messages(alice, group)[0]


class TestReplies:
    """查看回复列表 /conversations/get_reply."""

    def test_replies_are_listed_oldest_first(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        make_account(app, BOB, "Bob", version=2, avatar_digest="d2")
        target = send_text(alice, group)
        first = send_text(bob, group, "one", reply_to=target)
        second = send_text(alice, group, "two", reply_to=target)
        send_text(bob, group, "no reply")
        times = {message["id"]: message["created_time"] for message in list_messages(alice, group)}
        assert get_replies(alice, target).json == {
            "code": 0,
            "info": "success",
            "replies": [
                {
                    "reply_id": first,
                    "reply_type": 0,
                    "sender_id": BOB,
                    "sender_name": "Bob",
                    "sender_avatar": f"http://localhost/account/avatar/{BOB}/d2",
                    "content": "one",
                    "timestamp": times[first],
                    "time": times[first],
                },
                {
                    "reply_id": second,
                    "reply_type": 0,
                    "sender_id": ALICE,
                    "sender_name": "Alice",
                    "sender_avatar": "",
                    "content": "two",
                    "timestamp": times[second],
                    "time": times[second],
                },
            ],
        }

    def test_a_message_without_replies_has_an_empty_list(
        self, alice: ApiClient, group: int
    ) -> None:
        reply = get_replies(alice, send_text(alice, group))
        assert reply.json == {"code": 0, "info": "success", "replies": []}

    def test_deleted_and_hidden_replies_are_not_listed(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        target = send_text(alice, group)
        deleted, hidden, visible = (send_text(bob, group, reply_to=target) for _ in range(3))
        delete_message(bob, deleted)
        hide_messages(alice, hidden)
        assert [row["reply_id"] for row in get_replies(alice, target).json["replies"]] == [visible]

    def test_message_not_found(self, alice: ApiClient) -> None:
        assert_error(get_replies(alice, UNKNOWN_ID), errors.MESSAGE_NOT_FOUND)

    def test_the_message_is_not_found_for_a_stranger(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        assert_error(get_replies(carol, send_text(alice, group)), errors.MESSAGE_NOT_FOUND)

    def test_a_hidden_message_is_not_found(self, alice: ApiClient, group: int) -> None:
        message_id = send_text(alice, group)
        hide_messages(alice, message_id)
        assert_error(get_replies(alice, message_id), errors.MESSAGE_NOT_FOUND)
