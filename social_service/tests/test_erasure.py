"""Erasure deletes all data of an account."""

import pytest
from flask import Flask
from sqlalchemy import select

from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient
from shared.testing.databases import everything_in
from shared.testing.fake_services import FakeService
from social_service.db import db
from social_service.models import Block
from social_service.tests.calls import (
    befriend,
    block_user,
    list_blocked_ids,
    list_friend_ids,
    list_request_statuses,
    send_friend_request,
)
from social_service.tests.factories import make_account, make_friends, make_group

pytestmark = pytest.mark.database


def erase(app: Flask, account_id: int = ALICE) -> None:
    """Apply the event of an erasure, and process it."""
    gone = {"email": "", "deleted": True, "generation": 1, "version": 9, "erased": True}
    make_account(app, account_id, "", **gone)
    app.test_cli_runner().invoke(args=["accounts", "erasures"])


@pytest.fixture
def busy_alice(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, dave: ApiClient
) -> ApiClient:
    """Alice, who has a friend, a request, groups, and a block in each direction."""
    befriend(alice, bob)
    send_friend_request(alice, carol, "Alice would like to know you")
    make_group(app, ALICE, "Alice's best", BOB)
    make_group(app, BOB, "Colleagues", ALICE)
    block_user(alice, dave)
    block_user(dave, alice)
    return alice


def test_nothing_of_the_person_is_left(app: Flask, busy_alice: ApiClient) -> None:
    erase(app)
    assert "Alice" not in everything_in(app, db)
    with app.app_context():
        assert db.session.scalars(select(Block.id)).all() == []


def test_friends_and_receivers_have_one_less(
    app: Flask, busy_alice: ApiClient, bob: ApiClient, carol: ApiClient, dave: ApiClient
) -> None:
    make_friends(app, BOB, CAROL)
    erase(app)
    assert list_blocked_ids(dave) == []
    assert (list_friend_ids(bob), list_request_statuses(carol)) == ([CAROL], [])
    assert bob.get("/groups/members", query_string={"group_id": 2}).json["members"] == []


def test_chat_receives_the_end_of_each_friendship(
    app: Flask, chat: FakeService, alice: ApiClient
) -> None:
    friends = range(20, 65)
    for friend_id in friends:
        make_account(app, friend_id)
        make_friends(app, ALICE, friend_id)
    erase(app)
    ended = [state["high_id"] for state in chat.states("friendship") if not state["active"]]
    assert sorted(ended) == list(friends)
    assert len(chat.states("friendship_ended")) == len(friends)
