"""Blocks: /blocks, which are not revealed to the blocked user."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, assert_error
from shared.testing.databases import counted_queries
from shared.testing.fake_services import FakeService
from social_service import errors
from social_service.db import db
from social_service.domain.blocks import MAX_BLOCKS
from social_service.tests.calls import (
    UNKNOWN_USER,
    accept_friend_request,
    befriend,
    block_user,
    list_blocked_ids,
    list_friend_ids,
    list_request_statuses,
    reject_friend_request,
    remove_friend,
    send_friend_request,
    unblock_user,
)
from social_service.tests.factories import (
    delete_account,
    make_account,
    make_blocks,
    make_friends,
    make_group,
)


def _notified_pairs(chat: FakeService) -> list[set[int]]:
    """List the users of each event about changed requests."""
    return [set(state.values()) for state in chat.states("friend_request_changed")]


def test_blocks_are_listed_newest_first(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    make_account(app, BOB, "Bob", avatar_digest="d1", version=2)
    block_user(alice, bob)
    block_user(alice, carol)
    response = alice.get("/blocks")
    times = [datetime.fromisoformat(each.pop("created_at")) for each in response.json["blocks"]]
    assert (response.json["code"], response.json["info"]) == (0, "Succeed")
    assert response.json["blocks"] == [
        {"id": CAROL, "name": "Carol", "avatar": ""},
        {"id": BOB, "name": "Bob", "avatar": f"http://localhost/account/avatar/{BOB}/d1"},
    ]
    assert all(timedelta() <= datetime.now(UTC) - each < timedelta(minutes=1) for each in times)


def test_blocks_are_seen_by_who_blocks_alone(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    block_user(alice, bob)
    assert (list_blocked_ids(bob), list_blocked_ids(carol)) == ([], [])


def test_blocking_and_unblocking_may_be_repeated(alice: ApiClient, bob: ApiClient) -> None:
    replies = [change(alice, bob) for change in (unblock_user, block_user, block_user)]
    once = list_blocked_ids(alice)
    replies += [unblock_user(alice, bob), unblock_user(alice, bob)]
    assert [reply.json for reply in replies] == [{"code": 0, "info": "Succeed"}] * 5
    assert (once, list_blocked_ids(alice)) == ([BOB], [])


def test_a_deleted_user_can_be_blocked_and_stays_listed(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    delete_account(app, BOB, "Bob")
    assert block_user(alice, bob).status_code == 200
    assert list_blocked_ids(alice) == [BOB]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_unknown_user_cannot_be_blocked_or_unblocked(alice: ApiClient, method: str) -> None:
    assert_error(
        alice.call(method, "/blocks", json={"user_id": UNKNOWN_USER}), errors.USER_NOT_FOUND
    )


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_users_cannot_block_or_unblock_themselves(alice: ApiClient, method: str) -> None:
    assert_error(alice.call(method, "/blocks", json={"user_id": ALICE}), errors.CANNOT_BLOCK_SELF)


def test_the_number_of_blocks_is_bounded(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    others = range(100, 100 + MAX_BLOCKS)
    make_blocks(app, ALICE, *others)
    make_account(app, others[0])
    assert_error(block_user(alice, bob), errors.TOO_MANY_BLOCKS)
    assert alice.post("/blocks", json={"user_id": others[0]}).status_code == 200
    assert alice.delete("/blocks", json={"user_id": others[0]}).status_code == 200
    assert block_user(alice, bob).status_code == 200


def test_blocking_a_friend_ends_the_friendship_as_unfriending_does(
    app: Flask, alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    befriend(alice, bob)
    make_group(app, ALICE, "Classmates", BOB)
    make_group(app, BOB, "Colleagues", ALICE)
    chat.events.clear()
    block_user(alice, bob)
    groups = [
        person.get("/groups/members", query_string={"group_id": number}).json["members"]
        for number, person in enumerate((alice, bob), start=1)
    ]
    assert (list_friend_ids(alice), list_friend_ids(bob), groups) == ([], [], [[], []])
    assert (list_request_statuses(alice), list_request_statuses(bob)) == ([], [])
    assert [event["type"] for event in chat.events] == ["friendship", "friendship_ended"]


def test_blocking_ends_the_requests_of_both(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    send_friend_request(alice, bob)
    send_friend_request(bob, alice)
    chat.events.clear()
    block_user(alice, bob)
    assert (list_request_statuses(alice), list_request_statuses(bob)) == ([], [])
    assert_error(accept_friend_request(alice, bob), errors.REQUEST_NOT_FOUND)
    assert_error(accept_friend_request(bob, alice), errors.REQUEST_NOT_FOUND)
    assert _notified_pairs(chat) == [{ALICE, BOB}]


def test_blocking_a_stranger_sends_no_event(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    block_user(alice, bob)
    unblock_user(alice, bob)
    assert chat.events == []


def test_a_blocked_senders_request_succeeds_and_arrives_nowhere(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    block_user(alice, bob)
    sent = send_friend_request(bob, alice, "please")
    assert sent.json == {"code": 0, "info": "success", "message": "申请成功"}
    assert list_request_statuses(alice) == []
    assert _notified_pairs(chat) == [{BOB}]


def test_a_blocked_senders_second_request_was_already_sent(
    alice: ApiClient, bob: ApiClient
) -> None:
    block_user(alice, bob)
    send_friend_request(bob, alice)
    assert_error(send_friend_request(bob, alice), errors.REQUEST_ALREADY_SENT)


@pytest.mark.parametrize("handle", [accept_friend_request, reject_friend_request])
def test_a_withheld_request_cannot_be_handled(
    alice: ApiClient, bob: ApiClient, handle: Any
) -> None:
    block_user(alice, bob)
    send_friend_request(bob, alice)
    assert_error(handle(alice, bob), errors.REQUEST_NOT_FOUND)


def test_what_a_blocked_user_sees_is_what_a_stranger_sees(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    block_user(alice, bob)
    paths = (
        ("/search_user", {"query_name": "Alice"}),
        ("/search_user_detail", {"userId": ALICE}),
        ("/manage_friends", {"friend_id": ALICE}),
    )
    seen = [
        [each.get(path, query_string=query).json for path, query in paths] for each in (bob, carol)
    ]
    assert seen[0] == seen[1]
    assert_error(remove_friend(bob, alice), errors.ALREADY_NOT_FRIEND)


@pytest.mark.database
def test_a_request_costs_the_same_statements_whether_it_is_withheld(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    block_user(alice, bob)
    statements = []
    for sender in (bob, carol):
        with counted_queries(app, db) as made:
            send_friend_request(sender, alice)
        with counted_queries(app, db) as repeated:
            send_friend_request(sender, alice)
        statements.append((len(made), len(repeated)))
    assert statements[0] == statements[1]


def test_unblocking_deletes_withheld_requests(alice: ApiClient, bob: ApiClient) -> None:
    block_user(alice, bob)
    send_friend_request(bob, alice, "while blocked")
    unblock_user(alice, bob)
    after_deletion = list_request_statuses(alice)
    assert send_friend_request(bob, alice, "again").status_code == 200
    assert (after_deletion, list_request_statuses(alice)) == ([], [0])


def test_unblocking_leaves_requests_of_others_alone(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    block_user(alice, bob)
    block_user(alice, carol)
    send_friend_request(bob, alice)
    send_friend_request(carol, alice)
    unblock_user(alice, bob)
    assert_error(send_friend_request(carol, alice), errors.REQUEST_ALREADY_SENT)


def test_a_request_to_a_blocked_user_removes_the_block(alice: ApiClient, bob: ApiClient) -> None:
    block_user(alice, bob)
    send_friend_request(bob, alice)
    send_friend_request(alice, bob)
    assert list_blocked_ids(alice) == []
    assert (list_request_statuses(bob), list_request_statuses(alice)) == ([0], [])
    assert accept_friend_request(bob, alice).status_code == 200


def test_of_two_who_blocked_each_other_one_can_lift_their_own_block_only(
    alice: ApiClient, bob: ApiClient
) -> None:
    block_user(alice, bob)
    block_user(bob, alice)
    send_friend_request(alice, bob)
    assert (list_blocked_ids(alice), list_blocked_ids(bob)) == ([], [ALICE])
    assert list_request_statuses(bob) == []


def test_a_friend_who_was_blocked_can_become_one_again(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    block_user(alice, bob)
    unblock_user(alice, bob)
    befriend(bob, alice)
    assert list_friend_ids(alice) == [BOB]


def test_a_block_does_not_affect_others(
    app: Flask, alice: ApiClient, carol: ApiClient, bob: ApiClient
) -> None:
    make_friends(app, ALICE, CAROL)
    block_user(alice, bob)
    send_friend_request(bob, carol)
    assert (list_friend_ids(alice), list_request_statuses(carol)) == ([CAROL], [0])
