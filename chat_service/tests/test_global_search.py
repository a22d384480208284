"""Searching all conversations (beyond the document: /conversations/search)."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from chat_service import errors
from chat_service.db import db
from chat_service.domain import global_search
from chat_service.domain.history import long_reads
from chat_service.domain.indexing import Indexer
from chat_service.models import SearchGram
from chat_service.tests.calls import (
    delete_message,
    hide_messages,
    make_private,
    send_image,
    send_text,
)
from chat_service.tests.factories import befriend, index_all_messages, make_group, make_history
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, Reply, assert_error

pytestmark = pytest.mark.database


def search(caller: ApiClient, content: str, **more: Any) -> Reply:
    return caller.get("/conversations/search", query_string={"content": content, **more})


def search_texts(caller: ApiClient, content: str, **more: Any) -> list[str]:
    reply = search(caller, content, **more)
    assert reply.status_code == 200, reply.json
    return [message["content"] for message in reply.json["messages"]]


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB, name="Chess")


@pytest.fixture(params=[True, False], ids=["indexed", "not yet indexed"])
def index(request: pytest.FixtureRequest, app: Flask) -> Any:
    """Called after all messages are sent: indexes them, or not."""
    return lambda: index_all_messages(app) if request.param else None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("你好", ["你好，世界", "大家你好"]),
        ("世", ["你好，世界"]),
        ("HELLO", ["Hello World"]),
        ("lo wo", ["Hello World"]),
        ("%", ["100%"]),
        ("0%", ["100%"]),
        ("_", ["under_score"]),
        ("r_s", ["under_score"]),
        ("ПРИВЕТ", ["привет"]),
        ("好你", []),
        ("hello  world", []),
        ("cat", []),
    ],
)
def test_matches_are_listed_newest_first(
    alice: ApiClient, bob: ApiClient, group: int, index: Any, query: str, expected: list[str]
) -> None:
    for content in ("大家你好", "Hello World", "100%", "under_score", "привет", "你好，世界"):
        send_text(bob, group, content)
    send_image(bob, group)
    index()
    assert search_texts(alice, query) == expected


def test_a_match_names_its_conversation(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int, index: Any
) -> None:
    private = make_private(app, alice, bob)
    ids = [send_text(bob, group, "needle"), send_text(alice, private, "needle")]
    index()
    newest, older = search(alice, "needle").json["messages"]
    assert (newest["id"], newest["conversation_id"]) == (ids[1], private)
    assert (newest["conversation_name"], newest["sender_name"]) == ("Bob", "Alice")
    assert (older["id"], older["conversation_name"], older["type"]) == (ids[0], "Chess", 0)


def test_only_open_conversations_of_the_caller_are_searched(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, group: int, index: Any
) -> None:
    send_text(bob, make_group(app, BOB, CAROL), "needle elsewhere")
    private = make_private(app, alice, bob)
    send_text(bob, private, "needle closed")
    send_text(bob, group, "needle here")
    index()
    befriend(app, ALICE, BOB, active=False, version=2)
    assert search_texts(alice, "needle") == ["needle here"]
    assert search_texts(carol, "needle") == ["needle elsewhere"]
    alice.delete("/conversations/member/remove", json={"conversation_id": group, "user": BOB})
    assert search_texts(bob, "needle") == ["needle elsewhere"]


def test_deleted_and_hidden_messages_do_not_match(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int, index: Any
) -> None:
    ids = [send_text(bob, group, f"needle {number}") for number in range(3)]
    index()
    delete_message(bob, ids[0])
    hide_messages(alice, ids[1])
    assert search_texts(alice, "needle") == ["needle 2"]
    assert search_texts(bob, "needle") == ["needle 2", "needle 1"]


def test_filters_and_pages(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int, index: Any
) -> None:
    other = make_group(app, ALICE, BOB)
    ids = [send_text(bob, where, f"needle {n}") for n, where in enumerate([group, other] * 5)]
    send_text(alice, group, "needle alice")
    index()
    assert search_texts(alice, "needle", sender_id=ALICE) == ["needle alice"]
    assert search_texts(alice, "needle", conversation_id=other) == [
        f"needle {n}" for n in (9, 7, 5, 3, 1)
    ]
    assert search_texts(alice, "needle", limit=2, before_id=ids[9]) == ["needle 8", "needle 7"]
    assert search_texts(alice, "needle", start_time="2999-01-01T00:00:00Z") == []
    assert len(search_texts(alice, "needle", end_time="2999-01-01T00:00:00Z")) == 11
    assert search_texts(alice, "needle", limit=1, sender_id=BOB) == ["needle 9"]


def pages(caller: ApiClient, content: str, **more: Any) -> list[list[int]]:
    """The ids on each page, to the last."""
    pages_of_ids: list[list[int]] = []
    cursor = None
    while not pages_of_ids or cursor is not None:
        page = search(caller, content, **more, **({"before_id": cursor} if cursor else {})).json
        pages_of_ids.append([message["id"] for message in page["messages"]])
        cursor = page.get("next_before_id")
    return pages_of_ids


@pytest.mark.parametrize("content", ["n", "needle"])
def test_pages_are_complete_with_any_read_limit(
    app: Flask,
    alice: ApiClient,
    bob: ApiClient,
    index: Any,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
) -> None:
    monkeypatch.setattr(global_search, "MAX_READ", 20)
    monkeypatch.setattr(global_search, "_BATCH_SIZE", 8)
    groups = [make_group(app, ALICE, BOB) for _ in range(4)]
    texts = ("needle", "eedlenee", "hay", "nedle")  # The second text has all triples of the first.
    sent = [
        (
            send_text(bob, groups[number * number % 7 % 4], texts[number % 5 % 4]),
            texts[number % 5 % 4],
        )
        for number in range(60)
    ]
    index()
    pages_of_ids = pages(alice, content, limit=3)
    expected = [message_id for message_id, text in reversed(sent) if content in text]
    assert [message_id for page in pages_of_ids for message_id in page] == expected
    assert max(map(len, pages_of_ids)) == 3


@pytest.mark.parametrize("content", ["x", "needle"])
def test_a_search_without_matches_reads_a_bounded_number_of_rows(
    app: Flask,
    alice: ApiClient,
    group: int,
    index: Any,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
) -> None:
    monkeypatch.setattr(global_search, "MAX_READ", 1_500)
    monkeypatch.setattr(global_search, "_BATCH_SIZE", 300)
    make_history(app, group, BOB, 4_000, "eedlenee")  # The text has all triples of "needle".
    index()
    cursor = search(alice, content).json["next_before_id"]
    assert 2_200 < cursor <= 2_501
    assert [len(page) for page in pages(alice, content)] == [0, 0, 0]


def test_a_user_has_two_long_searches_at_once(app: Flask, alice: ApiClient, group: int) -> None:
    make_history(app, group, BOB, 3_000)
    with app.app_context():
        held = [long_reads.admit(ALICE, {"blocks": iter(())})["blocks"] for _ in range(2)]
    assert search(alice, "x").status_code == 429
    assert search_texts(alice, "hello", limit=1) == ["hello"]
    for blocks in held:
        blocks.close()
    assert search_texts(alice, "x") == []


def test_conversations_lost_during_a_search_have_no_matches(
    app: Flask,
    alice: ApiClient,
    bob: ApiClient,
    group: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, dissolved = make_group(app, ALICE, BOB), make_group(app, ALICE, BOB)
    closed = make_private(app, alice, bob)
    make_history(app, group, BOB, 3_000)
    for conversation in (left, dissolved, closed, group):
        send_text(bob, conversation, f"needle in {conversation}")
    admit = long_reads.admit

    def lose_conversations(*args: Any) -> Any:
        bob.post("/conversations/member/remove", json={"conversation_id": left})
        alice.post("/conversations/member/remove", json={"conversation_id": dissolved})
        befriend(app, ALICE, BOB, active=False, version=2)
        return admit(*args)

    monkeypatch.setattr(long_reads, "admit", lose_conversations)
    assert search_texts(bob, "needle") == [f"needle in {group}"]


def test_a_foreign_conversation_is_not_found(carol: ApiClient, group: int) -> None:
    for conversation in (group, 999):
        reply = search(carol, "needle", conversation_id=conversation)
        assert_error(reply, errors.CONVERSATION_NOT_FOUND_ZH)


def test_a_deleted_message_is_removed_from_the_index(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    message_id = send_text(bob, group, "needle")
    dissolved = make_group(app, ALICE, BOB)
    send_text(bob, dissolved, "needle")
    index_all_messages(app)
    delete_message(bob, message_id)
    alice.post("/conversations/member/remove", json={"conversation_id": dissolved})
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SearchGram)) == 0


def test_the_index_waits_for_smaller_ids_that_are_not_committed(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    other = make_group(app, ALICE, BOB)
    with app.app_context():
        if db.is_sqlite:
            pytest.skip("SQLite has one writer: ids are committed in order")
        send_text(bob, group, "first")
        index_all_messages(app)
        indexer = Indexer()
        with db.engine.connect().execution_options(isolation_level="READ COMMITTED") as slow:
            slow.execute(
                text(
                    "INSERT INTO messages (conversation_id, seq, version, sender_id, type, content,"
                    " created_at) VALUES (:c, 100, 100, 2, 0, 'needle early', now())"
                ),
                {"c": other},
            )
            send_text(bob, group, "needle late")
            for _ in range(3):
                indexer.index_batch()
            slow.commit()
        assert search_texts(alice, "needle") == ["needle late", "needle early"]
        index_all_messages(app)
        assert search_texts(alice, "needle") == ["needle late", "needle early"]
