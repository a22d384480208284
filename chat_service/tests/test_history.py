"""Listing messages (获取消息列表 /conversations/messages GET): bounds and changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    list_contents,
    list_messages,
    send_text,
)
from chat_service.tests.factories import add_member, make_group
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, assert_error

pytestmark = pytest.mark.database

PATH = "/conversations/messages"


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


@pytest.fixture
def five_messages(bob: ApiClient, group: int) -> list[int]:
    """Five messages of bob's, "1" to "5"."""
    return [send_text(bob, group, str(number)) for number in range(1, 6)]


class TestBounds:
    """Bounds of the list."""

    def test_all_messages_are_listed_oldest_first(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        assert list_contents(alice, group) == ["1", "2", "3", "4", "5"]

    def test_a_conversation_without_messages_has_an_empty_list(
        self, alice: ApiClient, group: int
    ) -> None:
        empty = {"messages": [], "deleted_ids": [], "version": 0}
        assert fetch_messages(alice, group) == {"code": 0, "info": "success", **empty}

    @pytest.mark.parametrize(
        ("bounds", "expected"),
        [
            ({"limit": 2}, "45"),
            ({"limit": 5}, "12345"),
            ({"limit": 1000}, "12345"),
            ({"before_id": 4}, "123"),
            ({"before_id": 4, "limit": 2}, "23"),
            ({"before_id": 1}, ""),
            ({"after_id": 0}, "12345"),
            ({"after_id": 2}, "345"),
            ({"after_id": 2, "limit": 2}, "34"),
            ({"after_id": 5}, ""),
            ({"after_id": 1, "before_id": 5}, "234"),
            ({"after_version": 0}, "12345"),
            ({"after_version": 3}, "45"),
            ({"after_version": 1, "limit": 2}, "23"),
            ({"from": "2000-01-01 00:00:00"}, "12345"),
            ({"from": "2000-01-01T00:00:00Z", "limit": 2}, "12"),
            ({"from": "2999-01-01T00:00:00+08:00"}, ""),
        ],
        ids=str,
    )
    def test_bounds_and_a_limit(
        self,
        alice: ApiClient,
        group: int,
        five_messages: list[int],
        bounds: dict[str, Any],
        expected: str,
    ) -> None:
        assert "".join(list_contents(alice, group, **bounds)) == expected

    def test_from_is_inclusive(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        first, *_, last = list_messages(alice, group)
        assert "5" in list_contents(alice, group, **{"from": last["created_time"]})
        assert len(list_contents(alice, group, **{"from": first["created_time"]})) == 5

    def test_from_excludes_older_messages(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        *_, last = list_messages(alice, group)
        later = datetime.fromisoformat(last["created_time"]) + timedelta(seconds=1)
        assert list_contents(alice, group, **{"from": later.isoformat()}) == []

    @pytest.mark.parametrize(("bound", "expected"), [("before_id", "12"), ("after_id", "45")])
    def test_a_deleted_message_is_a_valid_bound(
        self,
        alice: ApiClient,
        bob: ApiClient,
        group: int,
        five_messages: list[int],
        bound: str,
        expected: str,
    ) -> None:
        delete_message(bob, five_messages[2])
        assert "".join(list_contents(alice, group, **{bound: five_messages[2]})) == expected

    def test_parameters_can_be_in_a_body(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        reply = alice.get(PATH, json={"conversation_id": str(group), "limit": 1})
        assert [message["content"] for message in reply.json["messages"]] == ["5"]

    def test_times_have_the_order_of_messages(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        times = [message["created_time"] for message in list_messages(alice, group)]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert times == sorted(times)
        assert times[-1] <= now

    def test_a_new_member_sees_the_whole_history(
        self, app: Flask, carol: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        add_member(app, group, CAROL)
        assert len(list_messages(carol, group)) == 5

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        reply = alice.get(PATH, query_string={"conversationId": 999})
        assert_error(reply, errors.CONVERSATION_NOT_FOUND_ZH)

    def test_not_in_conversation(self, carol: ApiClient, group: int) -> None:
        reply = carol.get(PATH, query_string={"conversationId": group})
        assert_error(reply, errors.NOT_IN_CONVERSATION_ZH)


class TestChanges:
    """Changes after the version of a client."""

    def test_every_send_and_every_delete_raises_the_version(
        self, alice: ApiClient, group: int
    ) -> None:
        message_id = send_text(alice, group)
        sent = fetch_messages(alice, group)["version"]
        delete_message(alice, message_id)
        assert (sent, fetch_messages(alice, group)["version"]) == (1, 2)

    def test_sends_and_deletions_since_a_version_are_returned(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        version = fetch_messages(alice, group)["version"]
        delete_message(bob, five_messages[1])
        send_text(bob, group, "6")
        news = fetch_messages(alice, group, after_version=version)
        assert [message["content"] for message in news["messages"]] == ["6"]
        assert (news["deleted_ids"], news["version"]) == ([five_messages[1]], version + 2)

    def test_a_message_sent_and_deleted_since_is_in_deleted_ids_only(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        passing = send_text(bob, group)
        delete_message(bob, passing)
        news = fetch_messages(alice, group, after_version=0)
        assert (news["messages"], news["deleted_ids"]) == ([], [passing])

    def test_a_client_with_the_newest_version_gets_nothing(
        self, alice: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        news = fetch_messages(alice, group, after_version=5)
        assert (news["messages"], news["deleted_ids"], news["version"]) == ([], [], 5)

    def test_pages_of_changes_are_complete(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        delete_message(bob, five_messages[0])
        send_text(bob, group, "6")
        delete_message(bob, five_messages[3])
        version, seen, deleted = 0, "", []
        for _ in range(4):
            page = fetch_messages(alice, group, after_version=version, limit=2)
            seen += "".join(message["content"] for message in page["messages"])
            deleted += page["deleted_ids"]
            version = page["version"]
        assert (seen, deleted, version) == ("2356", [five_messages[0], five_messages[3]], 8)

    def test_without_after_version_no_deleted_ids_are_returned(
        self, alice: ApiClient, bob: ApiClient, group: int, five_messages: list[int]
    ) -> None:
        delete_message(bob, five_messages[0])
        assert fetch_messages(alice, group)["deleted_ids"] == []
