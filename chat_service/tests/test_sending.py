"""Sending texts (聊天消息发送 /conversations/messages POST) and replies to them."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_unread_count,
    hide_messages,
    list_contents,
    list_messages,
    make_private,
    send_image,
    send_text,
    try_send_text,
)
from chat_service.tests.factories import add_member, make_account, make_group
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, Reply, assert_error

UNKNOWN_ID = 999


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


def get_replies(caller: ApiClient, message_id: int) -> Reply:
    return caller.get("/conversations/get_reply", query_string={"message_id": message_id})


SHOW_NOTHING = [
    *("", " ", "\n\t", "\u3000", "\u00a0", "\u200b", "\u2060\ufeff", "\u00ad", "\u034f", "\u061c"),
    *("\u115f\u1160", "\u17b4", "\u180e", "\u2800", "\u3164", "\ufe0f", "\uffa0", "\U0001d173"),
    *("\U000e0020", " \u200d\u2800\n", "\x01", "\x1b\x7f", "\x80\x9f", "\ufff9\ufffb"),
]


class TestText:
    """A plain text."""

    def test_a_text_is_listed_for_all_members(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        sent = try_send_text(alice, group, "你好, bob 🙂").json
        message = {
            "id": sent["message_id"],
            "seq": 1,
            "version": 1,
            "type": 0,
            "content": "你好, bob 🙂",
            "senderid": ALICE,
            "sendername": "Alice",
            "senderavatar": "",
            "conversation": group,
            "created_time": sent["created_time"],
        }
        assert list_messages(bob, group) == [message]
        assert list_messages(alice, group) == [message]

    def test_the_response_describes_the_message_and_has_no_message_field(
        self, alice: ApiClient, group: int
    ) -> None:
        reply = try_send_text(alice, group, "hello")
        [message] = list_messages(alice, group)
        assert reply.json == {
            "code": 0,
            "info": "Succeed",
            "message_id": message["id"],
            "seq": 1,
            "created_time": message["created_time"],
        }

    def test_messages_are_numbered_per_conversation(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        other = make_group(app, ALICE, BOB)
        for caller, conversation in ((alice, group), (bob, group), (bob, other), (alice, group)):
            send_text(caller, conversation)
        assert [message["seq"] for message in list_messages(alice, group)] == [1, 2, 3]
        assert [message["seq"] for message in list_messages(alice, other)] == [1]

    def test_the_number_of_a_deleted_message_is_not_used_again(
        self, alice: ApiClient, group: int
    ) -> None:
        delete_message(alice, send_text(alice, group))
        assert try_send_text(alice, group, "next").json["seq"] == 2

    def test_a_refused_message_uses_no_number(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        send_text(alice, group, client_id="one")
        try_send_text(alice, group, "other", client_id="one")
        try_send_text(alice, group, "to nothing", reply_to=UNKNOWN_ID)
        assert try_send_text(bob, group, "next").json["seq"] == 2

    def test_the_senders_picture_is_a_url(self, app: Flask, bob: ApiClient, group: int) -> None:
        make_account(app, BOB, "Bob", version=2, avatar_digest="d2")
        send_text(bob, group)
        [message] = list_messages(bob, group)
        assert message["senderavatar"] == f"http://localhost/account/avatar/{BOB}/d2"

    def test_a_text_may_have_255_characters(self, alice: ApiClient, group: int) -> None:
        send_text(alice, group, "長" * 255)
        assert list_contents(alice, group) == ["長" * 255]

    def test_surrounding_white_space_is_preserved(self, alice: ApiClient, group: int) -> None:
        send_text(alice, group, " two\nlines ")
        assert list_contents(alice, group) == [" two\nlines "]

    def test_a_new_member_can_send(self, app: Flask, carol: ApiClient, group: int) -> None:
        add_member(app, group, carol.id)
        assert try_send_text(carol, group, "hello").status_code == 200

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        assert_error(try_send_text(alice, UNKNOWN_ID, "hello"), errors.CONVERSATION_NOT_FOUND)

    def test_not_in_conversation(self, carol: ApiClient, group: int) -> None:
        assert_error(try_send_text(carol, group, "hello"), errors.NOT_IN_CONVERSATION)

    @pytest.mark.parametrize("content", SHOW_NOTHING)
    def test_content_is_empty(self, alice: ApiClient, group: int, content: str) -> None:
        assert_error(try_send_text(alice, group, content), errors.CONTENT_EMPTY)

    def test_content_too_long(self, alice: ApiClient, group: int) -> None:
        assert_error(try_send_text(alice, group, "長" * 256), errors.CONTENT_TOO_LONG)

    @pytest.mark.parametrize(
        "content", ["\u2764\ufe0f", ".", "\u0301", "a\u200b", "\U0001f468\u200d"]
    )
    def test_a_visible_text_is_sent_unchanged(
        self, alice: ApiClient, group: int, content: str
    ) -> None:
        send_text(alice, group, content)
        assert list_contents(alice, group) == [content]

    def test_reply_message_not_found(self, alice: ApiClient, group: int) -> None:
        reply = try_send_text(alice, group, "hello", reply_to=UNKNOWN_ID)
        assert_error(reply, errors.REPLY_NOT_FOUND)

    def test_the_conversation_is_checked_before_the_text_and_the_text_before_the_reply(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        nowhere = try_send_text(alice, UNKNOWN_ID, "", reply_to=UNKNOWN_ID)
        outside = try_send_text(carol, group, "", reply_to=UNKNOWN_ID)
        empty = try_send_text(alice, group, "", reply_to=UNKNOWN_ID)
        assert_error(nowhere, errors.CONVERSATION_NOT_FOUND)
        assert_error(outside, errors.NOT_IN_CONVERSATION)
        assert_error(empty, errors.CONTENT_EMPTY)


class TestClientId:
    """Repeated sends with one client id."""

    def test_a_repeat_returns_the_first_message(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        first, again = (try_send_text(alice, group, "hello", client_id="a-1") for _ in range(2))
        assert again.json == first.json
        assert list_contents(bob, group) == ["hello"]
        assert get_unread_count(bob, group) == 0

    def test_a_repeat_succeeds_after_the_reply_target_is_deleted(
        self, alice: ApiClient, group: int
    ) -> None:
        target = send_text(alice, group)
        more = {"reply_to": target, "client_id": "a-1"}
        first = try_send_text(alice, group, "hello", **more)
        delete_message(alice, target)
        assert try_send_text(alice, group, "hello", **more).json == first.json

    def test_a_repeat_succeeds_after_the_message_is_deleted(
        self, alice: ApiClient, group: int
    ) -> None:
        first = try_send_text(alice, group, "hello", client_id="a-1")
        delete_message(alice, first.json["message_id"])
        assert try_send_text(alice, group, "hello", client_id="a-1").json == first.json
        assert list_messages(alice, group) == []

    def test_other_users_can_use_the_same_client_id(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        mine, theirs = (send_text(caller, group, client_id="a-1") for caller in (alice, bob))
        assert mine != theirs

    def test_another_text_is_refused(self, alice: ApiClient, group: int) -> None:
        send_text(alice, group, client_id="a-1")
        reply = try_send_text(alice, group, "other", client_id="a-1")
        assert_error(reply, errors.CLIENT_ID_USED)

    def test_another_conversation_is_refused(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        send_text(alice, group, client_id="a-1")
        reply = try_send_text(alice, make_group(app, ALICE), "hello", client_id="a-1")
        assert_error(reply, errors.CLIENT_ID_USED)

    def test_another_conversation_is_refused_after_a_deletion(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        delete_message(alice, send_text(alice, group, client_id="a-1"))
        reply = try_send_text(alice, make_group(app, ALICE), "hello", client_id="a-1")
        assert_error(reply, errors.CLIENT_ID_USED)

    def test_an_empty_client_id_is_ignored(self, alice: ApiClient, group: int) -> None:
        first, second = (send_text(alice, group, client_id="") for _ in range(2))
        assert first != second


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


def test_a_private_message_is_unread_until_the_friend_fetches_it(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    conversation = make_private(app, alice, bob)
    send_text(alice, conversation)
    before = [message["already_read"] for message in list_messages(alice, conversation)]
    fetch_messages(bob, conversation)
    after = [message["already_read"] for message in list_messages(alice, conversation)]
    assert (before, after) == ([False], [True])


def test_a_fetched_private_message_is_read(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    conversation = make_private(app, alice, bob)
    send_text(alice, conversation)
    assert [message["already_read"] for message in list_messages(bob, conversation)] == [True]


def test_group_messages_have_no_already_read(alice: ApiClient, group: int) -> None:
    send_text(alice, group)
    assert "already_read" not in list_messages(alice, group)[0]
