"""``accounts export``: the conversations of a user and the user's messages."""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask

from chat_service.tests.calls import hide_messages, make_private, send_image, send_text
from chat_service.tests.factories import make_group
from chat_service.tests.images import make_image
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient
from shared.testing.databases import exported

pytestmark = pytest.mark.database


def read_rows(archive: ZipFile, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(archive.read(f"chat/{name}.json"))
    return rows


def test_conversations_and_messages_are_exported_as_the_user_sees_them(
    app: Flask, alice: ApiClient, bob: ApiClient, tmp_path: Path
) -> None:
    private = make_private(app, alice, bob)
    send_text(alice, private, "hello")
    hide_messages(alice, send_text(bob, private, "hidden"))
    send_text(bob, private, "你好")

    archive = exported(app, ALICE, tmp_path)

    [conversation] = read_rows(archive, "conversations")
    messages = read_rows(archive, f"messages/{private}")
    assert (conversation["id"], conversation["name"]) == (private, "Bob")
    assert [(each["sender_name"], each["content"]) for each in messages] == [
        ("Alice", "hello"),
        ("Bob", "你好"),
    ]
    assert [each["name"] for each in read_rows(archive, "members")] == ["Alice", "Bob"]


def test_own_messages_of_a_former_group_are_exported_without_those_of_others(
    app: Flask, alice: ApiClient, bob: ApiClient, tmp_path: Path
) -> None:
    group = make_group(app, BOB, ALICE)
    send_text(alice, group, "mine")
    send_text(bob, group, "his")
    alice.post("/conversations/member/remove", json={"conversation_id": group})
    archive = exported(app, ALICE, tmp_path)
    assert [each["content"] for each in read_rows(archive, "sent_elsewhere")] == ["mine"]
    assert f"chat/messages/{group}.json" not in archive.namelist()


def test_own_images_are_exported_and_named_by_messages(
    app: Flask, alice: ApiClient, bob: ApiClient, tmp_path: Path
) -> None:
    group = make_group(app, BOB, ALICE)
    send_image(bob, group)
    send_image(alice, group)
    archive = exported(app, ALICE, tmp_path)
    [_, own] = read_rows(archive, f"messages/{group}")
    pictures = [name for name in archive.namelist() if name.startswith("chat/pictures/")]
    assert pictures == [f"chat/pictures/{own['content']}"]
    assert archive.read(pictures[0])[:4] == make_image()[:4]


def test_announcements_and_invitations_are_exported(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, tmp_path: Path
) -> None:
    make_private(app, alice, carol)
    group = make_group(app, ALICE, BOB)
    announcement = {"conversation_id": group, "content": "Tomorrow"}
    alice.post("/conversations/manage/notifications", json=announcement)
    invitation = {"conversationId": group, "member_id": CAROL}
    alice.post("/conversations/member/add", json=invitation)
    archive = exported(app, ALICE, tmp_path)
    assert [each["content"] for each in read_rows(archive, "announcements")] == ["Tomorrow"]
    assert [
        (each["receiver_name"], each["status"]) for each in read_rows(archive, "invitations")
    ] == [("Carol", "waiting")]
