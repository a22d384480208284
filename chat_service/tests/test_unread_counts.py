"""Unread counts, and moving the read position (/conversations/messages, /conversations/read)."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.db import db
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_conversation,
    get_unread_count,
    hide_messages,
    list_contents,
    list_messages,
    make_private,
    mark_read,
    send_text,
)
from chat_service.tests.factories import befriend, make_group
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, assert_error
from shared.testing.databases import counted_queries, read_only

pytestmark = pytest.mark.database


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


@pytest.fixture
def five_messages(bob: ApiClient, group: int) -> list[int]:
    """Five messages of bob's, "1" to "5"."""
    return [send_text(bob, group, str(number)) for number in range(1, 6)]


class TestUnread:
    """Unread counts."""

    def test_later_messages_of_others_are_unread(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        assert (get_unread_count(alice, group), get_unread_count(bob, group)) == (5, 0)

    def test_a_page_is_read_up_to_its_newest_message(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        fetch_messages(alice, group, after_id=0, limit=2)
        assert get_unread_count(alice, group) == 3
        fetch_messages(alice, group)
        assert get_unread_count(alice, group) == 0

    def test_the_newest_page_marks_all_as_read(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        fetch_messages(alice, group, limit=1)
        assert get_unread_count(alice, group) == 0

    def test_an_older_page_changes_nothing(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        fetch_messages(alice, group)
        send_text(bob, group)
        fetch_messages(alice, group, before_id=five_messages[3])
        assert get_unread_count(alice, group) == 1

    def test_an_empty_page_marks_nothing_as_read(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        fetch_messages(alice, group, **{"from": "2999-01-01T00:00:00Z"})
        assert get_unread_count(alice, group) == 5

    def test_a_send_marks_all_as_read(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        send_text(alice, group)
        assert get_unread_count(alice, group) == 0

    def test_a_search_marks_nothing_as_read(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        alice.get("/conversations/manage_messages", json={"conversationId": group})
        alice.post("/conversations/sift", json={"conversationId": group})
        assert get_unread_count(alice, group) == 5

    @pytest.mark.parametrize("gone", [[0], [4], [1, 3], [0, 1, 2, 3, 4]], ids=str)
    def test_deleted_messages_do_not_count(
        self,
        alice: ApiClient,
        bob: ApiClient,
        group: int,
        five_messages: list[int],
        gone: list[int],
    ) -> None:
        for place in gone:
            delete_message(bob, five_messages[place])
        assert get_unread_count(alice, group) == 5 - len(gone)

    def test_deleting_a_read_message_changes_nothing(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        fetch_messages(alice, group)
        send_text(bob, group)
        delete_message(bob, five_messages[0])
        assert get_unread_count(alice, group) == 1

    def test_a_hidden_message_counts_for_other_members_only(
        self, app: Flask, alice: ApiClient, carol: ApiClient, bob: ApiClient
    ) -> None:
        group = make_group(app, ALICE, BOB, CAROL)
        hide_messages(alice, *[send_text(bob, group) for _ in range(2)])
        send_text(bob, group)
        assert (get_unread_count(alice, group), get_unread_count(carol, group)) == (1, 3)

    def test_a_message_hidden_elsewhere_stays_out_of_the_count(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        other = make_group(app, ALICE, BOB)
        hide_messages(alice, send_text(bob, other))
        assert (get_unread_count(alice, group), get_unread_count(alice, other)) == (5, 0)

    def test_a_hidden_and_deleted_message_is_subtracted_once(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        hide_messages(alice, five_messages[0], five_messages[1])
        delete_message(bob, five_messages[0])
        assert get_unread_count(alice, group) == 3

    def test_a_new_member_has_nothing_unread_and_has_read_nothing(
        self, app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient
    ) -> None:
        group = make_group(app, ALICE, BOB)
        message_id = send_text(bob, group)
        befriend(app, ALICE, CAROL)
        body = {"conversationId": group, "member_id": CAROL}
        alice.post("/conversations/member/add", json=body)
        waiting = alice.get("/conversations/invitation", json={"conversation_id": group}).json
        [invitation] = waiting["invitations"]
        handled = {"invite_id": invitation["invite_id"]}
        alice.post("/conversations/manage/handle_invitation", json=handled)
        readers = alice.post("/conversations/readlist", json={"message_id": message_id}).json
        assert get_unread_count(carol, group) == 0
        assert readers["read_users"] == []

    def test_a_fetch_that_moves_nothing_writes_nothing(
        self, app: Flask, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        fetch_messages(alice, group)
        with counted_queries(app, db) as statements:
            fetch_messages(alice, group)
            fetch_messages(alice, group, before_id=five_messages[2])
            fetch_messages(alice, group, after_version=5)
        assert [statement for statement in statements if not statement.startswith("SELECT")] == []


def test_the_list_counts_each_conversation_by_itself(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
) -> None:
    private = make_private(app, alice, bob)
    send_text(bob, private)
    counts = [
        get_conversation(alice, conversation)["unread_count"] for conversation in (group, private)
    ]
    assert counts == [5, 1]


class TestReadPosition:
    """Moving the read position without fetching messages (beyond the document)."""

    def test_fetching_with_read_false_moves_nothing(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        fetch_messages(alice, group, read="false")
        assert get_unread_count(alice, group) == 5
        readers = bob.post("/conversations/readlist", json={"message_id": five_messages[0]}).json
        assert readers["read_users"] == []
        fetch_messages(alice, group, read="true")
        assert get_unread_count(alice, group) == 0

    def test_a_private_message_is_not_shown_as_read_before_it_is_marked(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        private = make_private(app, alice, bob)
        send_text(bob, private)
        [message] = list_messages(alice, private, read="false")
        assert message["already_read"] is False

    def test_marking_as_read_advances_the_position_and_never_moves_it_back(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        assert mark_read(alice, group, five_messages[2]).status_code == 200
        assert mark_read(alice, group, five_messages[0]).status_code == 200
        assert get_unread_count(alice, group) == 2
        readers = [
            bob.post("/conversations/readlist", json={"message_id": id_}).json["read_users"]
            for id_ in five_messages[2:4]
        ]
        assert [[each["id"] for each in some] for some in readers] == [[ALICE], []]

    def test_a_deleted_or_hidden_message_is_a_valid_position(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        delete_message(bob, five_messages[1])
        hide_messages(alice, five_messages[3])
        mark_read(alice, group, five_messages[1])
        assert get_unread_count(alice, group) == 2
        mark_read(alice, group, five_messages[3])
        assert get_unread_count(alice, group) == 1

    def test_a_message_of_another_conversation_is_unknown(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        elsewhere = send_text(bob, make_group(app, ALICE, BOB))
        assert_error(mark_read(alice, group, elsewhere), errors.MESSAGE_NOT_FOUND_ZH)

    def test_an_unknown_conversation_and_a_foreign_one_are_not_found(
        self, alice: ApiClient, carol: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        for reply in (
            mark_read(alice, 999, five_messages[0]),
            mark_read(carol, group, five_messages[0]),
        ):
            assert_error(reply, errors.CONVERSATION_NOT_FOUND_ZH)


def test_messages_are_returned_while_the_database_cannot_store_the_read_position(
    app: Flask, alice: ApiClient, group: int, five_messages: list[int]
) -> None:
    with read_only(app, db):
        shown = list_contents(alice, group)

    assert shown == ["1", "2", "3", "4", "5"]
    assert get_unread_count(alice, group) == 5
