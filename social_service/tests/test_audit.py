"""The audit log of the social service."""

import json
from pathlib import Path

import pytest
from flask import Flask

from shared.testing.audit import events_of
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient
from shared.testing.databases import exported
from social_service.domain import erasure
from social_service.tests.calls import befriend, block_user, remove_friend, unblock_user

pytestmark = pytest.mark.database


def test_ended_friendships_and_blocks_are_recorded(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    remove_friend(alice, bob)
    block_user(alice, bob)
    block_user(alice, bob)
    unblock_user(alice, bob)
    unblock_user(alice, bob)

    events = events_of(app, BOB)
    assert [event["act"] for event in events] == [
        "friendship_ended",
        "user_blocked",
        "user_unblocked",
    ]
    assert {(event["actor_id"], event["subject_id"]) for event in events} == {(ALICE, BOB)}


def test_an_export_does_not_contain_blocks_by_others(
    app: Flask, alice: ApiClient, bob: ApiClient, tmp_path: Path
) -> None:
    block_user(alice, bob)

    for account_id, acts in ((ALICE, ["user_blocked"]), (BOB, [])):
        folder = tmp_path / str(account_id)
        folder.mkdir()
        with exported(app, account_id, folder) as archive:
            events = json.loads(archive.read("social/audit.json"))
        assert [event["act"] for event in events] == acts


def test_erasing_removes_the_origins_of_acts(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    block_user(alice, bob)
    with app.app_context():
        erasure.erase(ALICE)

    assert {event["address"] for event in events_of(app, ALICE)} == {""}
