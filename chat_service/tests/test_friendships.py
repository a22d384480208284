"""Events of friendships open and close private conversations."""

from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    hide_messages,
    list_contents,
    list_conversations,
    make_private,
    send_text,
    try_send_text,
)
from chat_service.tests.factories import befriend, send_event
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, assert_error
from shared.testing.fake_services import FakeService

pytestmark = pytest.mark.database


def end_friendship(app: Flask) -> None:
    befriend(app, ALICE, BOB, active=False, version=2)


def friendship(number: int, low_id: int, high_id: int, **state: Any) -> dict[str, Any]:
    return {"id": number, "low_id": low_id, "high_id": high_id, "active": True, **state}


def test_a_friendship_opens_one_conversation_for_both(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    befriend(app, ALICE, BOB)
    [mine], [theirs] = list_conversations(alice), list_conversations(bob)
    assert (mine["friend_id"], theirs["friend_id"]) == (BOB, ALICE)
    assert mine["id"] == theirs["id"]


def test_a_repeated_event_changes_nothing(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    conversation = make_private(app, alice, bob)
    send_text(bob, conversation)
    befriend(app, ALICE, BOB)
    assert [(row["id"], row["unread_count"]) for row in list_conversations(alice)] == [
        (conversation, 1)
    ]


def test_the_end_of_a_friendship_closes_the_conversation_for_both(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    make_private(app, alice, bob)
    end_friendship(app)
    assert (list_conversations(alice), list_conversations(bob)) == ([], [])


def test_a_closed_conversation_is_not_found(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    conversation = make_private(app, alice, bob)
    end_friendship(app)
    here = {"conversation_id": conversation}
    not_found, not_found_zh = errors.CONVERSATION_NOT_FOUND, errors.CONVERSATION_NOT_FOUND_ZH
    assert_error(try_send_text(alice, conversation, "hello"), not_found)
    assert_error(alice.get("/conversations/messages", json=here), not_found_zh)
    assert_error(alice.get("/conversations/manage_messages", json=here), not_found_zh)
    assert_error(alice.post("/conversations/sift", json=here), not_found_zh)
    assert_error(alice.get("/interface", json=here), not_found_zh)
    assert_error(alice.post("/interface", json={**here, "ontop": True}), not_found_zh)
    assert_error(alice.get("/conversations/get_members", json=here), not_found)


def test_a_message_in_a_closed_conversation_is_not_found(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    message_id = send_text(alice, make_private(app, alice, bob))
    end_friendship(app)
    it = {"message_id": message_id}
    assert_error(alice.get("/conversations/get_reply", json=it), errors.MESSAGE_NOT_FOUND)
    assert_error(alice.post("/conversations/readlist", json=it), errors.MESSAGE_NOT_FOUND_ZH)
    assert_error(delete_message(alice, message_id), errors.MESSAGE_NOT_FOUND_ZH)
    assert_error(hide_messages(alice, message_id), errors.MESSAGE_NOT_FOUND)


def test_a_new_friendship_reopens_the_conversation_with_its_history(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    conversation = make_private(app, alice, bob)
    send_text(alice, conversation, "before")
    end_friendship(app)
    befriend(app, ALICE, BOB, version=3)
    send_text(bob, conversation, "after")
    assert list_contents(alice, conversation) == ["before", "after"]


@pytest.mark.parametrize("versions", [(1, 2, 3), (2, 1, 3), (3, 1, 2), (3, 2, 1, 2)])
def test_the_newest_state_wins_in_any_order_of_events(
    app: Flask, alice: ApiClient, versions: tuple[int, ...]
) -> None:
    for version in versions:
        befriend(app, ALICE, BOB, active=version != 3, version=version)
    assert list_conversations(alice) == []


def test_an_end_that_arrives_before_the_beginning_wins(app: Flask, alice: ApiClient) -> None:
    end_friendship(app)
    befriend(app, ALICE, BOB, version=1)
    assert list_conversations(alice) == []


@pytest.mark.parametrize(
    "state",
    [{}, {"low_id": ALICE}, {"low_id": "x", "high_id": BOB, "active": True, "version": 9}],
)
def test_an_invalid_state_is_ignored(
    app: Flask, alice: ApiClient, bob: ApiClient, state: dict[str, Any]
) -> None:
    conversation = make_private(app, alice, bob)
    send_event(app, "friendship", **state)
    assert fetch_messages(alice, conversation)["info"] == "success"


def test_resync_copies_all_friendships_of_social(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    befriend(app, ALICE, BOB)
    pages = [
        [friendship(7, ALICE, BOB, active=False, version=2)],
        [friendship(9, ALICE, CAROL, version=1)],
    ]

    def page(query: dict[str, str]) -> dict[str, Any]:
        rows = [row for rows in pages for row in rows if row["id"] > int(query["after"])]
        return {"friendships": rows[:1]}

    fake_services["social"].responses["/internal/friendships"] = page
    done = app.test_cli_runner().invoke(args=["friendships", "resync"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        0,
        "Done: copied 2 friendships.",
    )
    assert [row["friend_id"] for row in list_conversations(alice)] == [CAROL]


def test_resync_reports_that_social_does_not_respond(
    app: Flask, fake_services: dict[str, FakeService]
) -> None:
    fake_services["social"].set_mode("failing")
    done = app.test_cli_runner().invoke(args=["friendships", "resync"])
    assert done.exit_code == 1
    social = f"{fake_services['social'].url}/internal/friendships"
    assert done.output.splitlines()[-1] == f"Error: Service unavailable: GET {social}."
