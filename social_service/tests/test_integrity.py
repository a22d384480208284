"""``python -m social_service verify`` finds corruption, and nothing in valid data."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient
from shared.testing.corruption import corrupt, find_violations
from shared.testing.fake_services import FakeService
from social_service.db import db, transaction
from social_service.models import OutboxEvent
from social_service.tests.factories import make_group

pytestmark = pytest.mark.database

ACTIVE = "a friendship is active after every odd change"
BLOCKS = "users of whom one has blocked the other are no friends"
WITHHELD = "a request is withheld exactly while its receiver blocks its sender"
GROUPS = "all members of a friend group are friends of its owner"
KNOWN = "all referenced accounts are known"
OVERDUE = "no event waits for longer than ten minutes"
REFERENCES = "every reference leads to a row"
REQUESTS = "each request has its pair, who are no friends while it waits"


@pytest.fixture
def acquaintances(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, dave: ApiClient
) -> None:
    """Friends (one of them in a group), former friends, pending requests, and a block."""
    for sender in (bob, carol):
        sender.post("/add_friend", json={"target_id": ALICE})
        both = {"sender_user_id": sender.id, "receiver_user_id": ALICE}
        alice.post("/friend_request_handle", json=both)
    make_group(app, ALICE, "Classmates", BOB)
    alice.delete("/manage_friends", json={"friend_id": CAROL})
    carol.post("/add_friend", json={"target_id": BOB})
    alice.post("/blocks", json={"user_id": DAVE})
    dave.post("/add_friend", json={"target_id": ALICE})


def test_changes_of_clients_violate_no_invariant(app: Flask, acquaintances: None) -> None:
    assert find_violations(app) == {}


@pytest.mark.parametrize(
    ("statement", "invariant"),
    [
        ("UPDATE friendships SET version = version + 1", ACTIVE),
        ("UPDATE friendships SET active = (1 = 0)", GROUPS),
        ("UPDATE friendships SET high_id = 99 WHERE high_id = 3", KNOWN),
        ("UPDATE friend_requests SET status = 0", REQUESTS),
        ("DELETE FROM friendships WHERE version = 0", REQUESTS),
        ("UPDATE friend_group_members SET member_id = 4", GROUPS),
        ("DELETE FROM friend_groups", REFERENCES),
        ("UPDATE blocks SET blocked_id = 99", KNOWN),
        ("UPDATE blocks SET blocked_id = 2", BLOCKS),
        ("DELETE FROM blocks", WITHHELD),
        ("UPDATE friend_requests SET withheld = (1 = 0)", WITHHELD),
    ],
)
def test_damage_is_found(app: Flask, acquaintances: None, statement: str, invariant: str) -> None:
    corrupt(app, db, statement)

    assert invariant in find_violations(app)


def test_an_event_that_is_undelivered_for_long_is_found(
    app: Flask, acquaintances: None, chat: FakeService, bob: ApiClient
) -> None:
    chat.set_mode("failing")
    bob.delete("/manage_friends", json={"friend_id": ALICE})
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    with app.app_context(), transaction():
        db.session.execute(update(OutboxEvent).values(created_at=long_ago))

    assert find_violations(app).keys() == {OVERDUE}
