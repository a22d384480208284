"""Export of a user's friends and requests: ``accounts export``."""

import json
from pathlib import Path

import pytest
from flask import Flask

from shared.operations.data_export import files_of, lines_of, within
from shared.testing.cast import ALICE, BOB, DAVE
from shared.testing.client import ApiClient
from shared.testing.databases import exported
from social_service.db import db
from social_service.domain import export
from social_service.tests.calls import (
    befriend,
    block_user,
    reject_friend_request,
    send_friend_request,
)
from social_service.tests.factories import make_friends, make_group, make_many_friends

pytestmark = pytest.mark.database


def test_the_archive_holds_friends_requests_and_groups(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, dave: ApiClient, tmp_path: Path
) -> None:
    befriend(alice, bob)
    send_friend_request(carol, alice, "Carol here")
    reject_friend_request(alice, carol)
    make_group(app, ALICE, "Classmates", BOB)
    block_user(alice, dave)
    send_friend_request(dave, alice, "Dave, who is blocked")

    archive = exported(app, ALICE, tmp_path)

    friends = json.loads(archive.read("social/friends.json"))
    requests = json.loads(archive.read("social/friend_requests.json"))
    groups = json.loads(archive.read("social/friend_groups.json"))
    blocks = json.loads(archive.read("social/blocks.json"))
    assert friends == [{"id": BOB, "name": "Bob", "email": "bob2@example.com"}]
    assert [(each["direction"], each["person_name"], each["status"]) for each in requests] == [
        ("sent", "Bob", "accepted"),
        ("received", "Carol", "rejected"),
    ]
    assert [(each["name"], each["member_name"]) for each in groups] == [("Classmates", "Bob")]
    assert [(each["id"], each["name"]) for each in blocks] == [(DAVE, "Dave")]


def test_the_archive_holds_nothing_between_others(
    app: Flask, carol: ApiClient, dave: ApiClient, tmp_path: Path
) -> None:
    make_friends(app, BOB, DAVE)
    make_group(app, BOB, "Bob's own", DAVE)
    send_friend_request(carol, dave)
    block_user(dave, carol)
    archive = exported(app, ALICE, tmp_path)
    lists = [name for name in archive.namelist() if name.endswith(".json")]
    assert [json.loads(archive.read(name)) for name in lists] == [[]] * 5


def test_long_lists_are_whole_and_hold_no_connection_between_pages(app: Flask) -> None:
    friends = range(1_000, 2_001)
    make_many_friends(app, ALICE, friends)

    with app.app_context():
        lines = lines_of(within("social", export.files(ALICE)))
        held = [(line, db.engine.pool.checkedout()) for line in lines]  # type: ignore[attr-defined]

    archive = list(files_of(line for line, _ in held))
    assert [each.name for each in archive][:2] == ["social/README.txt", "social/friends.json"]
    assert {count for _, count in held} == {0}


def test_a_list_of_several_pages_has_every_row_once(app: Flask, tmp_path: Path) -> None:
    friends = range(1_000, 2_001)
    make_many_friends(app, ALICE, friends)
    listed = json.loads(exported(app, ALICE, tmp_path).read("social/friends.json"))
    assert [each["id"] for each in listed] == list(friends)
