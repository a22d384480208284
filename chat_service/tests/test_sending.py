"""Sending texts (聊天消息发送 /conversations/messages POST)."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_unread_count,
    list_contents,
    list_messages,
    make_private,
    send_text,
    try_send_text,
)
from chat_service.tests.factories import add_member, make_account, make_group
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, assert_error

UNKNOWN_ID = 999


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


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

    def test_a_repeat_returns_the_message_with_its_client_id_among_others(
        self, alice: ApiClient, group: int
    ) -> None:
        send_text(alice, group)
        ids = {name: send_text(alice, group, client_id=name) for name in ("a", "b", "c", "d")}
        for name in ("a", "b"):
            delete_message(alice, ids[name])

        assert {name: send_text(alice, group, client_id=name) for name in ids} == ids
        assert send_text(alice, group, client_id="e") not in ids.values()

    def test_other_users_can_use_the_client_id_of_a_deleted_message(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        delete_message(alice, send_text(alice, group, client_id="a-1"))
        theirs = send_text(bob, group, client_id="a-1")
        assert [message["id"] for message in list_messages(bob, group)] == [theirs]

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
