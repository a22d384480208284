"""Deleting messages for all members, hiding them for the caller, and receipts."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    hide_messages,
    list_contents,
    list_messages,
    make_private,
    send_image,
    send_text,
)
from chat_service.tests.factories import add_member, make_account, make_group
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, Reply, assert_error

pytestmark = pytest.mark.database

UNKNOWN_ID = 999


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member, dave a stranger."""
    return make_group(app, ALICE, CAROL, admins=(BOB,))


def get_readers(caller: ApiClient, message_id: int) -> Reply:
    return caller.post("/conversations/readlist", json={"message_id": message_id})


class TestForAllMembers:
    """彻底删除聊天记录 /conversations/messages DELETE."""

    def test_the_sender_deletes_it_for_all_members(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        reply = delete_message(carol, send_text(carol, group))
        assert reply.json == {"code": 0, "info": "Succeed", "message": "删除聊天记录成功"}
        assert list_messages(alice, group) == []

    @pytest.mark.parametrize("who", ["alice", "bob"])
    def test_the_owner_and_the_admins_delete_messages_of_members(
        self, request: pytest.FixtureRequest, carol: ApiClient, group: int, who: str
    ) -> None:
        deleter: ApiClient = request.getfixturevalue(who)
        delete_message(deleter, send_text(carol, group))
        assert list_messages(carol, group) == []

    def test_an_admin_deletes_a_message_of_the_owner(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        delete_message(bob, send_text(alice, group))
        assert list_messages(alice, group) == []

    def test_other_messages_are_unchanged(self, alice: ApiClient, group: int) -> None:
        first, second, third = (send_text(alice, group, text) for text in ("one", "two", "three"))
        delete_message(alice, second)
        left = [(message["id"], message["seq"]) for message in list_messages(alice, group)]
        assert left == [(first, 1), (third, 3)]

    def test_a_hidden_message_can_be_deleted(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        message_id = send_text(alice, group)
        hide_messages(alice, message_id)
        assert delete_message(alice, message_id).status_code == 200
        assert list_messages(bob, group) == []

    def test_the_file_of_an_image_is_deleted(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        message_id = send_image(alice, group)
        path = list_contents(alice, group)[0].removeprefix("http://localhost")
        before = anonymous.get(path).status_code
        delete_message(alice, message_id)
        assert (before, anonymous.get(path).status_code) == (200, 404)

    def test_message_not_found(self, alice: ApiClient) -> None:
        assert_error(delete_message(alice, UNKNOWN_ID), errors.MESSAGE_NOT_FOUND_ZH)

    def test_a_deleted_message_is_not_found(self, alice: ApiClient, group: int) -> None:
        message_id = send_text(alice, group)
        delete_message(alice, message_id)
        assert_error(delete_message(alice, message_id), errors.MESSAGE_NOT_FOUND_ZH)

    def test_a_member_cannot_delete_messages_of_others(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        rejection = delete_message(carol, send_text(alice, group))
        assert_error(rejection, errors.MAY_NOT_DELETE)
        assert len(list_messages(carol, group)) == 1

    def test_a_stranger_has_no_permission(
        self, alice: ApiClient, dave: ApiClient, group: int
    ) -> None:
        assert_error(delete_message(dave, send_text(alice, group)), errors.MAY_NOT_DELETE)

    def test_a_sender_who_has_left_has_no_permission(
        self, app: Flask, alice: ApiClient, dave: ApiClient, group: int
    ) -> None:
        add_member(app, group, dave.id)
        message_id = send_text(dave, group)
        dave.post("/conversations/member/remove", json={"conversation_id": group})
        assert_error(delete_message(dave, message_id), errors.MAY_NOT_DELETE)

    def test_only_the_sender_deletes_a_private_message(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        message_id = send_text(alice, make_private(app, alice, bob))
        assert_error(delete_message(bob, message_id), errors.MAY_NOT_DELETE)
        assert delete_message(alice, message_id).status_code == 200


class TestHide:
    """/conversations/delete_messages, which the existing client calls."""

    def test_messages_are_hidden_for_the_caller_only(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        first, _, third = (send_text(bob, group, text) for text in ("one", "two", "three"))
        reply = hide_messages(alice, first, third)
        assert reply.json == {"code": 0, "info": "Succeed", "message": "删除聊天记录成功"}
        assert list_contents(alice, group) == ["two"]
        assert list_contents(bob, group) == ["one", "two", "three"]

    def test_hiding_again_changes_nothing(self, alice: ApiClient, group: int) -> None:
        message_id = send_text(alice, group)
        hide_messages(alice, message_id)
        assert hide_messages(alice, message_id, message_id).status_code == 200

    def test_messages_of_several_conversations_are_hidden_at_once(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        other = make_group(app, ALICE)
        hide_messages(alice, send_text(alice, group), send_text(alice, other))
        assert (list_messages(alice, group), list_messages(alice, other)) == ([], [])

    @pytest.mark.parametrize(
        "query", ["message_ids={}&message_ids={}", "message_ids[]={}&message_ids[]={}",
                  "message_ids={},{}", "message_ids%5B%5D={}&message_ids={}"],
    )  # fmt: skip
    def test_the_ids_can_be_in_the_query_string(
        self, alice: ApiClient, group: int, query: str
    ) -> None:
        ids = [send_text(alice, group) for _ in range(2)]
        answer = alice.delete(f"/conversations/delete_messages?{query.format(*ids)}")
        assert answer.status_code == 200
        assert list_messages(alice, group) == []

    def test_an_unknown_message_hides_none(self, alice: ApiClient, group: int) -> None:
        assert_error(
            hide_messages(alice, send_text(alice, group), UNKNOWN_ID), errors.MESSAGE_NOT_FOUND
        )
        assert len(list_messages(alice, group)) == 1

    def test_a_message_of_a_foreign_conversation_hides_none(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        foreign = send_text(bob, make_group(app, BOB))
        assert_error(
            hide_messages(alice, send_text(alice, group), foreign), errors.MESSAGE_NOT_FOUND
        )
        assert len(list_messages(alice, group)) == 1

    def test_a_deleted_message_is_unknown(self, alice: ApiClient, group: int) -> None:
        message_id = send_text(alice, group)
        delete_message(alice, message_id)
        assert_error(hide_messages(alice, message_id), errors.MESSAGE_NOT_FOUND)

    def test_thousands_are_hidden_at_once_or_none(self, alice: ApiClient, group: int) -> None:
        many = range(1, 9000)
        assert_error(hide_messages(alice, *many), errors.MESSAGE_NOT_FOUND)


class TestReaders:
    """/conversations/readlist, which the existing client calls."""

    def test_members_who_fetched_a_message_have_read_it(
        self, app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, group: int
    ) -> None:
        make_account(app, CAROL, "Carol", version=2, avatar_digest="d3")
        message_id = send_text(alice, group)
        fetch_messages(carol, group)
        picture = f"http://localhost/account/avatar/{CAROL}/d3"
        expected = [{"id": CAROL, "name": "Carol", "avatar": picture}]
        reply = get_readers(bob, message_id)
        assert reply.json == {"code": 0, "info": "Succeed", "read_users": expected}

    def test_members_who_sent_a_message_have_read_earlier_ones(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        message_id = send_text(alice, group)
        send_text(bob, group)
        assert [each["id"] for each in get_readers(alice, message_id).json["read_users"]] == [BOB]

    def test_the_list_of_conversations_marks_nothing_as_read(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        message_id = send_text(alice, group)
        bob.get("/conversations")
        assert get_readers(alice, message_id).json["read_users"] == []

    def test_a_later_message_is_not_read(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        send_text(alice, group)
        fetch_messages(bob, group)
        assert get_readers(alice, send_text(alice, group)).json["read_users"] == []

    def test_message_not_found(self, alice: ApiClient) -> None:
        assert_error(get_readers(alice, UNKNOWN_ID), errors.MESSAGE_NOT_FOUND_ZH)

    def test_a_stranger_has_no_access(self, alice: ApiClient, dave: ApiClient, group: int) -> None:
        assert_error(get_readers(dave, send_text(alice, group)), errors.NO_ACCESS_BAD_REQUEST)
