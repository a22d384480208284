"""Pinning, muting, and marking as unread (会话管理 /interface)."""

from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_conversation,
    get_unread_count,
    list_messages,
    send_text,
)
from chat_service.tests.factories import make_group
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, Reply, assert_error

PATH = "/interface"


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


def get_settings(caller: ApiClient, conversation: int) -> Any:
    return caller.get(PATH, query_string={"conversation_id": conversation}).json


def put_settings(caller: ApiClient, conversation: int, **values: Any) -> Reply:
    return caller.post(PATH, json={"conversationId": conversation, **values})


def test_at_first_a_conversation_is_neither_pinned_nor_muted(alice: ApiClient, group: int) -> None:
    usual = {"unreads": 0, "notification": True, "ontop": False}
    assert get_settings(alice, group) == {"code": 0, "info": "Succeed", **usual}


def test_settings_are_stored(alice: ApiClient, group: int) -> None:
    reply = put_settings(alice, group, ontop=True, notification=False, unreads=3)
    chosen = {"unreads": 3, "notification": False, "ontop": True}
    assert reply.json == {"code": 0, "info": "Succeed"}
    assert get_settings(alice, group) == {"code": 0, "info": "Succeed", **chosen}


def test_the_list_shows_the_same(alice: ApiClient, group: int) -> None:
    put_settings(alice, group, ontop=True, notification=False, unreads=3)
    row = get_conversation(alice, group)
    assert (row["is_top"], row["notice_able"], row["unread_count"]) == (True, False, 3)


@pytest.mark.parametrize(
    "initial", [{"ontop": True}, {"notification": False}, {"unreads": 3}], ids=str
)
def test_absent_and_null_values_change_nothing(
    alice: ApiClient, group: int, initial: dict[str, Any]
) -> None:
    put_settings(alice, group, **initial)
    before = get_settings(alice, group)
    put_settings(alice, group)
    put_settings(alice, group, ontop=None, notification=None, unreads=None)
    assert get_settings(alice, group) == before


def test_settings_of_members_are_independent(alice: ApiClient, bob: ApiClient, group: int) -> None:
    before = get_settings(bob, group)
    put_settings(alice, group, ontop=True, notification=False, unreads=3)
    assert get_settings(bob, group) == before


def test_a_pin_and_a_mute_can_be_removed(alice: ApiClient, group: int) -> None:
    put_settings(alice, group, ontop=True, notification=False)
    put_settings(alice, group, ontop=False, notification=True)
    assert (get_settings(alice, group)["ontop"], get_settings(alice, group)["notification"]) == (
        False,
        True,
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [(0, 0), (5, 5), ("7", 7), ("007", 7), (999_999, 999_999), (True, 1), (False, 0)],
)
def test_the_unread_count_is_set_by_number_text_or_boolean(
    alice: ApiClient, bob: ApiClient, group: int, given: Any, shown: int
) -> None:
    send_text(bob, group)
    send_text(bob, group)
    put_settings(alice, group, unreads=given)
    assert get_unread_count(alice, group) == shown


def test_new_messages_add_to_the_count_that_was_set(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    send_text(bob, group)
    put_settings(alice, group, unreads=5)
    last = send_text(bob, group)
    assert get_unread_count(alice, group) == 6
    delete_message(bob, last)
    assert get_unread_count(alice, group) == 5


def test_reading_clears_the_count_that_was_set(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    send_text(bob, group)
    put_settings(alice, group, unreads=5)
    fetch_messages(alice, group)
    assert get_unread_count(alice, group) == 0


def test_reading_an_empty_conversation_clears_the_count(alice: ApiClient, group: int) -> None:
    put_settings(alice, group, unreads=5)
    fetch_messages(alice, group)
    assert get_unread_count(alice, group) == 0


def test_reading_clears_the_count_after_the_newest_message_is_deleted(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    send_text(bob, group)
    newest = send_text(bob, group)
    put_settings(alice, group, unreads=5)
    delete_message(bob, newest)
    fetch_messages(alice, group)
    assert get_unread_count(alice, group) == 0


def test_sending_clears_the_count_that_was_set(alice: ApiClient, group: int) -> None:
    put_settings(alice, group, unreads=5)
    send_text(alice, group)
    assert get_unread_count(alice, group) == 0


def test_an_older_page_does_not_clear_the_count(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    first, second = send_text(bob, group), send_text(bob, group)
    put_settings(alice, group, unreads=5)
    assert [m["id"] for m in list_messages(alice, group, before_id=second)] == [first]
    assert get_unread_count(alice, group) == 5


def test_marking_as_unread_removes_no_receipt(alice: ApiClient, bob: ApiClient, group: int) -> None:
    message_id = send_text(bob, group)
    fetch_messages(alice, group)
    put_settings(alice, group, unreads=1)
    readers = bob.post("/conversations/readlist", json={"message_id": message_id}).json
    assert [reader["id"] for reader in readers["read_users"]] == [ALICE]


def test_marking_as_read_adds_no_receipt(alice: ApiClient, bob: ApiClient, group: int) -> None:
    message_id = send_text(bob, group)
    put_settings(alice, group, unreads=0)
    readers = bob.post("/conversations/readlist", json={"message_id": message_id}).json
    assert readers["read_users"] == []


def test_interface_get_conversation_not_found(alice: ApiClient) -> None:
    reply = alice.get(PATH, query_string={"conversation_id": 999})
    assert_error(reply, errors.CONVERSATION_NOT_FOUND_ZH)


def test_interface_get_no_access(carol: ApiClient, group: int) -> None:
    assert_error(carol.get(PATH, query_string={"conversation_id": group}), errors.NO_ACCESS)


def test_interface_post_conversation_not_found(alice: ApiClient) -> None:
    assert_error(put_settings(alice, 999, ontop=True), errors.CONVERSATION_NOT_FOUND_ZH)


def test_interface_post_no_access(carol: ApiClient, group: int) -> None:
    assert_error(put_settings(carol, group, ontop=True), errors.NO_ACCESS)
