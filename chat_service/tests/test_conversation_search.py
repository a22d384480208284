"""Searching a conversation (聊天记录管理 /conversations/manage_messages, /conversations/sift)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    hide_messages,
    list_messages,
    send_image,
    send_text,
)
from chat_service.tests.factories import make_account, make_group
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, Reply, assert_error

pytestmark = pytest.mark.database

FIND, SIFT = "/conversations/manage_messages", "/conversations/sift"


def find(caller: ApiClient, conversation: int, **filters: Any) -> Reply:
    return caller.get(FIND, query_string={"conversationId": conversation, **filters})


def sift(caller: ApiClient, conversation: int, **filters: Any) -> Reply:
    return caller.post(SIFT, json={"conversation_id": conversation, **filters})


def list_texts(reply: Reply) -> list[str]:
    return [message["content"] for message in reply.json["messages"]]


def shift_time(time: str, seconds: int) -> str:
    later = datetime.fromisoformat(time) + timedelta(seconds=seconds)
    return later.strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture
def group(app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient) -> int:
    """A group with messages of alice, bob and carol."""
    conversation = make_group(app, ALICE, BOB, CAROL)
    texts = [
        (alice, "Hello World"),
        (bob, "hello 100%"),
        (bob, "under_score"),
        (carol, r"back\slash"),
        (carol, "你好"),
    ]
    for caller, text in texts:
        send_text(caller, conversation, text)
    return conversation


EVERYTHING = ["Hello World", "hello 100%", "under_score", r"back\slash", "你好"]


@pytest.mark.parametrize("search", [find, sift])
class TestFilters:
    """Both endpoints have the same filters."""

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, EVERYTHING),
            ({"content": ""}, EVERYTHING),
            ({"content": "hello"}, EVERYTHING[:2]),
            ({"content": "HELLO W"}, EVERYTHING[:1]),
            ({"content": "%"}, ["hello 100%"]),
            ({"content": "_"}, ["under_score"]),
            ({"content": "\\"}, [r"back\slash"]),
            ({"content": "/"}, []),
            ({"content": "h_llo"}, []),
            ({"content": "你"}, ["你好"]),
            ({"content": "'; --"}, []),
            ({"sender_id": BOB}, EVERYTHING[1:3]),
            ({"sender_id": "2"}, EVERYTHING[1:3]),
            ({"sender_id": 999}, []),
            ({"sender_name": "BO"}, EVERYTHING[1:3]),
            ({"sender_name": "%"}, []),
            ({"sender_name": ""}, EVERYTHING),
            ({"sender_id": BOB, "content": "hello"}, ["hello 100%"]),
            ({"sender_name": "carol", "content": "hello"}, []),
            ({"start_time": "2000-01-01T00:00:00Z"}, EVERYTHING),
            ({"start_time": "2999-01-01T00:00:00Z"}, []),
            ({"end_time": "2000-01-01T00:00:00Z"}, []),
            ({"end_time": "2999-01-01T00:00:00Z"}, EVERYTHING),
        ],
        ids=str,
    )
    def test_all_filters_must_match(
        self,
        search: Any,
        alice: ApiClient,
        group: int,
        filters: dict[str, Any],
        expected: list[str],
    ) -> None:
        assert list_texts(search(alice, group, **filters)) == expected

    @pytest.mark.parametrize(
        ("text", "content"),
        [
            ("Привет", "пРИВЕТ"),
            ("CAFÉ", "café"),
            ("ΟΔΟΣ", "οδος"),
            ("οδος", "ΟΔΟΣ"),
            ("İstanbul", "istanbul"),
            ("ＦＵＬＬ", "ｆｕｌｌ"),
            ("straße", "STRAẞE"),
            ("5 µm", "5 ΜM"),
            ("𐐀", "𐐨"),
        ],
    )
    def test_case_is_ignored_in_all_scripts(
        self, search: Any, alice: ApiClient, group: int, text: str, content: str
    ) -> None:
        send_text(alice, group, f"x{text}x")
        assert list_texts(search(alice, group, content=content)) == [f"x{text}x"]

    def test_both_times_are_inclusive(self, search: Any, alice: ApiClient, group: int) -> None:
        first, *_, last = [message["created_time"] for message in list_messages(alice, group)]
        whole = search(alice, group, start_time=first, end_time=last)
        later = search(alice, group, start_time=shift_time(last, 1))
        earlier = search(alice, group, end_time=shift_time(first, -1))
        assert (list_texts(whole), list_texts(later), list_texts(earlier)) == (EVERYTHING, [], [])

    def test_a_match_has_its_sender(
        self, search: Any, app: Flask, alice: ApiClient, group: int
    ) -> None:
        make_account(app, ALICE, "Alice", version=2, avatar_reference="cat")
        [match] = search(alice, group, sender_id=ALICE).json["messages"]
        message = list_messages(alice, group)[0]
        assert match == {
            "id": message["id"],
            "type": 0,
            "sender_id": ALICE,
            "sender_name": "Alice",
            "sender_avatar": "cat",
            "content": "Hello World",
            "timestamp": message["created_time"],
        }

    def test_an_image_has_its_url_and_does_not_match_it(
        self, search: Any, app: Flask, alice: ApiClient
    ) -> None:
        conversation = make_group(app, ALICE)
        send_image(alice, conversation)
        [image] = search(alice, conversation).json["messages"]
        assert image["type"] == 1
        assert image["content"].startswith("http://localhost/media/")
        assert list_texts(search(alice, conversation, content=".png")) == []

    def test_deleted_and_hidden_messages_do_not_match(
        self, search: Any, alice: ApiClient, group: int
    ) -> None:
        first, second, *_ = [message["id"] for message in list_messages(alice, group)]
        delete_message(alice, first)
        hide_messages(alice, second)
        assert list_texts(search(alice, group)) == EVERYTHING[2:]

    def test_an_unknown_conversation_is_not_found(
        self, search: Any, alice: ApiClient, group: int
    ) -> None:
        assert_error(search(alice, 999), errors.CONVERSATION_NOT_FOUND_ZH)


def test_manage_messages_returns_success(alice: ApiClient, group: int) -> None:
    assert find(alice, group).json["info"] == "success"


def test_sift_returns_succeed(alice: ApiClient, group: int) -> None:
    assert sift(alice, group).json["info"] == "Succeed"


def test_manage_messages_is_not_found_for_a_stranger(dave: ApiClient, group: int) -> None:
    assert_error(find(dave, group), errors.CONVERSATION_NOT_FOUND_ZH)


def test_sift_refuses_a_stranger(dave: ApiClient, group: int) -> None:
    assert_error(sift(dave, group), errors.NO_ACCESS_BAD_REQUEST)
