"""Announcements (查看、发布及删除群公告/conversations/manage/notifications)."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.db import db
from chat_service.tests.factories import befriend, list_ids, make_group
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, assert_error
from shared.testing.databases import counted_queries
from shared.web.errors import BAD_PARAMETER

PATH = "/conversations/manage/notifications"
UNKNOWN_ID = 999


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member, dave a stranger."""
    return make_group(app, ALICE, CAROL, admins=(BOB,))


def post(caller: ApiClient, group: int, content: str = "公告内容") -> int:
    posted: int = caller.post(PATH, json={"conversation_id": group, "content": content}).json[
        "notification_id"
    ]
    return posted


def test_an_announcement_is_shown_to_every_member(
    bob: ApiClient, carol: ApiClient, group: int
) -> None:
    reply = bob.post(PATH, json={"conversation_id": group, "content": "公告内容"})
    shown = carol.get(PATH, json={"conversation_id": group})

    assert (reply.json["info"], reply.json["message"]) == ("success", "发布群公告成功")
    [announcement] = shown.json["notifications"]
    assert shown.json["info"] == "success"
    assert announcement["notification_id"] == reply.json["notification_id"]
    assert (announcement["content"], announcement["sender_name"]) == ("公告内容", "Bob")
    assert announcement["timestamp"].endswith("Z")


def test_announcements_are_listed_newest_first(alice: ApiClient, group: int) -> None:
    first, second = post(alice, group), post(alice, group)
    shown = alice.get(PATH, query_string={"conversation_id": group})
    assert list_ids(shown, "notifications", of="notification_id") == [second, first]


def test_get_unknown_conversation_is_not_found(alice: ApiClient) -> None:
    assert_error(
        alice.get(PATH, json={"conversation_id": UNKNOWN_ID}), errors.CONVERSATION_NOT_FOUND
    )


def test_get_by_a_stranger_is_not_found(dave: ApiClient, group: int) -> None:
    assert_error(dave.get(PATH, json={"conversation_id": group}), errors.CONVERSATION_NOT_FOUND)


def test_a_private_conversation_has_no_announcements(app: Flask, alice: ApiClient) -> None:
    befriend(app, ALICE, BOB)
    [private] = list_ids(alice.get("/conversations"), "conversation")
    assert alice.get(PATH, json={"conversation_id": private}).json["notifications"] == []
    reply = alice.post(PATH, json={"conversation_id": private, "content": "x"})
    assert_error(reply, errors.MAY_NOT_ANNOUNCE)


def test_listing_needs_a_fixed_number_of_queries(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    post(alice, group)
    with counted_queries(app, db) as few:
        alice.get(PATH, json={"conversation_id": group})
    for caller in (alice, bob) * 10:
        post(caller, group)
    with counted_queries(app, db) as many:
        alice.get(PATH, json={"conversation_id": group})
    assert len(many) == len(few)


def test_post_unknown_conversation_is_not_found(alice: ApiClient) -> None:
    reply = alice.post(PATH, json={"conversation_id": UNKNOWN_ID, "content": ""})
    assert_error(reply, errors.CONVERSATION_NOT_FOUND)


@pytest.mark.parametrize("who", ["carol", "dave"])
def test_post_by_neither_owner_nor_admin_is_refused(
    request: pytest.FixtureRequest, who: str, group: int
) -> None:
    caller: ApiClient = request.getfixturevalue(who)
    reply = caller.post(PATH, json={"conversation_id": group, "content": ""})
    assert_error(reply, errors.MAY_NOT_ANNOUNCE)


@pytest.mark.parametrize("content", ["", " \n\t"])
def test_an_empty_announcement_is_refused(alice: ApiClient, group: int, content: str) -> None:
    reply = alice.post(PATH, json={"conversation_id": group, "content": content})
    assert_error(reply, errors.CONTENT_EMPTY)


def test_an_announcement_has_at_most_2000_characters(alice: ApiClient, group: int) -> None:
    assert post(alice, group, "公" * 2000)
    reply = alice.post(PATH, json={"conversation_id": group, "content": "公" * 2001})
    assert_error(reply, errors.CONTENT_TOO_LONG)


def test_post_without_content_names_the_field(alice: ApiClient, group: int) -> None:
    assert_error(alice.post(PATH, json={"conversation_id": group}), BAD_PARAMETER, field="content")


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_the_owner_and_admins_delete_announcements(
    request: pytest.FixtureRequest, who: str, alice: ApiClient, group: int
) -> None:
    caller: ApiClient = request.getfixturevalue(who)
    reply = caller.delete(PATH, json={"notification_id": post(alice, group)})

    assert reply.json == {"code": 0, "info": "Succeed", "message": "删除群公告成功"}
    assert alice.get(PATH, json={"conversation_id": group}).json["notifications"] == []


def test_delete_unknown_announcement_is_not_found(alice: ApiClient) -> None:
    assert_error(alice.delete(PATH, json={"notification_id": 1}), errors.ANNOUNCEMENT_NOT_FOUND)


@pytest.mark.parametrize("who", ["carol", "dave"])
def test_delete_by_neither_owner_nor_admin_is_refused(
    request: pytest.FixtureRequest, who: str, alice: ApiClient, group: int
) -> None:
    caller: ApiClient = request.getfixturevalue(who)
    reply = caller.delete(PATH, json={"notification_id": post(alice, group)})
    assert_error(reply, errors.MAY_NOT_DELETE_ANNOUNCEMENT)


def test_a_former_admin_cannot_delete_announcements(
    alice: ApiClient, bob: ApiClient, group: int
) -> None:
    announcement = post(bob, group)
    alice.delete("/conversations/manage/admin", json={"conversation_id": group, "user": BOB})
    reply = bob.delete(PATH, json={"notification_id": announcement})
    assert_error(reply, errors.MAY_NOT_DELETE_ANNOUNCEMENT)
