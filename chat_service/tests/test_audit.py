"""The audit log of the chat service."""

import pytest
from flask import Flask

from chat_service.domain import erasure
from chat_service.tests.factories import make_group
from chat_service.tests.test_groups import ADMIN_PATH, REMOVE_PATH, TRANSFER_PATH
from shared.testing.audit import events_of
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient

pytestmark = pytest.mark.database


def test_roles_and_removals_are_recorded(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    group = make_group(app, ALICE, BOB, CAROL)
    bobs = {"conversation_id": group, "user": BOB}
    alice.post(ADMIN_PATH, json=bobs)
    alice.delete(ADMIN_PATH, json=bobs)
    alice.delete(REMOVE_PATH, json={"conversation_id": group, "user": CAROL})
    alice.post(TRANSFER_PATH, json=bobs)
    bob.post(REMOVE_PATH, json={"conversation_id": group})

    events = events_of(app, BOB)
    assert [(event["act"], event["actor_id"]) for event in events] == [
        ("admin_made", ALICE),
        ("admin_dismissed", ALICE),
        ("ownership_transferred", ALICE),
        ("group_dissolved", BOB),
    ]
    assert {event["details"]["conversation_id"] for event in events} == {group}
    [removal] = events_of(app, CAROL)
    assert (removal["act"], removal["actor_id"]) == ("member_removed", ALICE)


def test_refused_requests_are_not_recorded(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    group = make_group(app, ALICE, BOB, CAROL)

    bob.delete(REMOVE_PATH, json={"conversation_id": group, "user": CAROL})

    assert events_of(app, CAROL) == []


def test_erasure_removes_addresses(app: Flask, alice: ApiClient) -> None:
    group = make_group(app, ALICE, BOB)
    alice.delete(REMOVE_PATH, json={"conversation_id": group, "user": BOB})
    with app.app_context():
        erasure.erase(ALICE)

    assert {event["address"] for event in events_of(app, ALICE)} == {""}
