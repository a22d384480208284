"""Concurrent requests: constraints and the lock of the pair decide."""

from collections import Counter

import pytest
from flask import Flask

from shared.testing.cast import ALICE, BOB, CAROL, signed_in
from shared.testing.client import ApiClient, Reply
from shared.testing.corruption import find_violations
from shared.testing.fake_services import FakeService
from shared.testing.races import run_concurrently
from social_service import errors
from social_service.domain.blocks import MAX_BLOCKS
from social_service.tests.calls import (
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
from social_service.tests.factories import make_account, make_blocks, make_friends, make_group

pytestmark = pytest.mark.database

REPEATEDLY = pytest.mark.parametrize("attempt", range(4))
CLICKS = 8


def _count_infos(replies: list[Reply]) -> Counter[str]:
    return Counter(reply.json["info"] for reply in replies)


def _is_one_success(replies: list[Reply], refusal: str) -> bool:
    return _count_infos(replies) == {"success": 1, refusal: len(replies) - 1}


@pytest.fixture
def alices(app: Flask) -> list[ApiClient]:
    """Alice on several devices."""
    return [signed_in(app, ALICE) for _ in range(CLICKS)]


@pytest.fixture
def bobs(app: Flask) -> list[ApiClient]:
    """Bob on several devices."""
    return [signed_in(app, BOB) for _ in range(CLICKS)]


@REPEATEDLY
def test_asking_many_times_at_once_leaves_one_request(
    alices: list[ApiClient], bob: ApiClient, chat: FakeService, attempt: int
) -> None:
    replies = run_concurrently(
        *(lambda alice=alice: send_friend_request(alice, bob) for alice in alices)
    )
    assert _is_one_success(replies, errors.REQUEST_ALREADY_SENT.info)
    assert list_request_statuses(bob) == [0]
    assert len(chat.states("friend_request_changed")) == 1


@REPEATEDLY
def test_asking_crosswise_at_once_leaves_a_request_each(
    alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    replies = run_concurrently(
        lambda: send_friend_request(alice, bob), lambda: send_friend_request(bob, alice)
    )
    assert _count_infos(replies) == {"success": 2}
    assert (list_request_statuses(alice), list_request_statuses(bob)) == ([0], [0])


@REPEATEDLY
def test_accepting_crosswise_at_once_makes_one_friendship(
    alice: ApiClient, bob: ApiClient, chat: FakeService, attempt: int
) -> None:
    send_friend_request(alice, bob)
    send_friend_request(bob, alice)
    replies = run_concurrently(
        lambda: accept_friend_request(alice, bob), lambda: accept_friend_request(bob, alice)
    )
    assert _is_one_success(replies, errors.ALREADY_FRIENDS.info)
    assert sorted(list_request_statuses(alice) + list_request_statuses(bob)) == [1, 3]
    assert [state["version"] for state in chat.states("friendship")] == [1]


@REPEATEDLY
def test_accepting_many_times_at_once_succeeds_once(
    alice: ApiClient, bob: ApiClient, bobs: list[ApiClient], chat: FakeService, attempt: int
) -> None:
    send_friend_request(alice, bob)
    replies = run_concurrently(
        *(lambda each=each: accept_friend_request(each, alice) for each in bobs)
    )
    assert _is_one_success(replies, errors.ALREADY_FRIENDS.info)
    assert [state["version"] for state in chat.states("friendship")] == [1]


@REPEATEDLY
def test_of_accepting_and_refusing_at_once_exactly_one_wins(
    alice: ApiClient, bobs: list[ApiClient], attempt: int
) -> None:
    send_friend_request(alice, bobs[0])
    calls = [
        accept_friend_request if number % 2 else reject_friend_request for number in range(CLICKS)
    ]
    replies = run_concurrently(
        *(
            lambda call=call, bob=bob: call(bob, alice)
            for call, bob in zip(calls, bobs, strict=True)
        )
    )
    [won] = [call for call, reply in zip(calls, replies, strict=True) if reply.status_code == 200]
    outcome = (list_request_statuses(bobs[0]), list_friend_ids(alice))
    assert outcome == (([1], [BOB]) if won is accept_friend_request else ([2], []))


@REPEATEDLY
def test_asking_while_the_crosswise_request_is_accepted_leaves_nothing_waiting(
    alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    send_friend_request(alice, bob)
    request, accepted = run_concurrently(
        lambda: send_friend_request(bob, alice), lambda: accept_friend_request(bob, alice)
    )
    assert accepted.status_code == 200
    assert list_request_statuses(alice) == ([3] if request.status_code == 200 else [])


@REPEATEDLY
def test_unfriending_many_times_at_once_succeeds_once(
    alices: list[ApiClient], bobs: list[ApiClient], chat: FakeService, attempt: int
) -> None:
    befriend(alices[0], bobs[0])
    both = zip(alices, bobs, strict=True)
    replies = run_concurrently(*(lambda pair=pair: remove_friend(*pair) for pair in both))
    assert _is_one_success(replies, errors.ALREADY_NOT_FRIEND.info)
    assert [state["version"] for state in chat.states("friendship")] == [1, 2]


@REPEATEDLY
def test_unfriending_against_accepting_leaves_friends_or_a_clean_end(
    alice: ApiClient, bob: ApiClient, chat: FakeService, attempt: int
) -> None:
    send_friend_request(alice, bob)
    ended, accepted = run_concurrently(
        lambda: remove_friend(alice, bob), lambda: accept_friend_request(bob, alice)
    )
    assert accepted.status_code == 200
    outcome = (list_friend_ids(alice), list_request_statuses(bob))
    assert outcome == (([], []) if ended.status_code == 200 else ([BOB], [1]))
    newest = max(chat.states("friendship"), key=lambda state: state["version"])
    assert newest["active"] is (ended.status_code != 200)


@REPEATEDLY
def test_creating_a_group_many_times_at_once_makes_one(
    alices: list[ApiClient], attempt: int
) -> None:
    body = {"name": "Classmates"}
    replies = run_concurrently(
        *(lambda each=each: each.post("/groups", json=body) for each in alices)
    )
    assert _is_one_success(replies, errors.GROUP_EXISTS.info)
    assert len(alices[0].get("/groups").json["groups"]) == 1


@REPEATEDLY
def test_renaming_groups_to_one_name_at_once_renames_one(
    app: Flask, alices: list[ApiClient], attempt: int
) -> None:
    group_ids = [make_group(app, ALICE, f"Group {number}") for number in range(CLICKS)]
    bodies = [{"group_id": group_id, "new_name": "Chess"} for group_id in group_ids]
    replies = run_concurrently(
        *(
            lambda each=each, body=body: each.put("/groups/manage_groups", json=body)
            for each, body in zip(alices, bodies, strict=True)
        )
    )
    assert _is_one_success(replies, errors.GROUP_NAME_EXISTS.info)


@REPEATEDLY
def test_adding_a_member_many_times_at_once_succeeds_once(
    app: Flask, alices: list[ApiClient], attempt: int
) -> None:
    make_friends(app, ALICE, BOB)
    body = {"group_id": make_group(app, ALICE), "member_id": BOB}
    replies = run_concurrently(
        *(lambda each=each: each.post("/groups/members", json=body) for each in alices)
    )
    assert _is_one_success(replies, errors.MEMBER_ALREADY_IN_GROUP.info)


@REPEATEDLY
def test_adding_a_member_to_a_group_that_goes_is_success_or_not_found(
    app: Flask, alice: ApiClient, alices: list[ApiClient], attempt: int
) -> None:
    make_friends(app, ALICE, BOB)
    body = {"group_id": make_group(app, ALICE), "member_id": BOB}
    added, deleted = run_concurrently(
        lambda: alices[0].post("/groups/members", json=body),
        lambda: alices[1].delete("/groups/manage_groups", json=body),
    )
    assert deleted.status_code == 200
    assert added.status_code in (200, 404)
    assert alice.get("/manage_friends", json={"friend_id": BOB}).json["groups"] == []


@REPEATEDLY
def test_who_is_added_to_a_group_while_the_friendship_ends_does_not_stay_in_it(
    app: Flask, alices: list[ApiClient], bob: ApiClient, attempt: int
) -> None:
    make_friends(app, ALICE, BOB)
    make_friends(app, ALICE, CAROL)
    body = {"group_id": make_group(app, ALICE, "Classmates", CAROL), "member_id": BOB}
    added, ended = run_concurrently(
        lambda: alices[0].post("/groups/members", json=body), lambda: remove_friend(bob, alices[1])
    )
    members = alices[2].get("/groups/members", json=body).json["members"]
    assert ended.status_code == 200
    assert added.status_code in (200, 404)
    assert [member["id"] for member in members] == [CAROL]


@REPEATEDLY
def test_blocking_many_times_at_once_leaves_one_block(
    alices: list[ApiClient], bob: ApiClient, chat: FakeService, attempt: int
) -> None:
    befriend(alices[0], bob)
    replies = run_concurrently(*(lambda alice=alice: block_user(alice, bob) for alice in alices))
    assert _count_infos(replies) == {"Succeed": CLICKS}
    assert (list_blocked_ids(alices[0]), list_friend_ids(bob)) == ([BOB], [])
    assert [state["version"] for state in chat.states("friendship")] == [1, 2]


@REPEATEDLY
def test_blocking_while_a_request_is_accepted_leaves_no_friends(
    app: Flask, alice: ApiClient, bob: ApiClient, chat: FakeService, attempt: int
) -> None:
    send_friend_request(alice, bob)
    blocked, accepted = run_concurrently(
        lambda: block_user(alice, bob), lambda: accept_friend_request(bob, alice)
    )
    assert blocked.status_code == 200
    assert (list_friend_ids(alice), list_request_statuses(bob)) == ([], [])
    assert len(chat.states("friendship")) == (2 if accepted.status_code == 200 else 0)
    assert find_violations(app) == {}


@REPEATEDLY
def test_asking_while_one_is_blocked_leaves_nothing_to_see(
    app: Flask, alices: list[ApiClient], bob: ApiClient, attempt: int
) -> None:
    replies = run_concurrently(
        *(lambda alice=alice: send_friend_request(alice, bob) for alice in alices),
        lambda: block_user(bob, alices[0]),
    )
    assert replies.pop().status_code == 200
    assert list_request_statuses(bob) == []
    assert _count_infos(replies)["success"] in (1, 2)
    assert find_violations(app) == {}


@REPEATEDLY
def test_concurrent_requests_and_blocks_violate_no_invariant(
    app: Flask, alices: list[ApiClient], bobs: list[ApiClient], attempt: int
) -> None:
    calls = (block_user, send_friend_request, unblock_user, send_friend_request)
    both = list(zip(alices, bobs, strict=True))
    run_concurrently(
        *(
            lambda call=call, pair=pair: call(*pair)
            for call, pair in zip(calls, both, strict=False)
        ),
        *(
            lambda call=call, pair=pair: call(*pair[::-1])
            for call, pair in zip(calls, both[4:], strict=False)
        ),
    )
    assert find_violations(app) == {}


@REPEATEDLY
def test_of_blocks_at_once_no_more_succeed_than_there_is_room_for(
    app: Flask, alices: list[ApiClient], attempt: int
) -> None:
    make_blocks(app, ALICE, *range(1_000, 1_000 + MAX_BLOCKS - 1))
    others = range(20, 20 + CLICKS)
    for other in others:
        make_account(app, other)
    replies = run_concurrently(
        *(
            lambda each=each, other=other: each.post("/blocks", json={"user_id": other})
            for each, other in zip(alices, others, strict=True)
        )
    )
    assert _count_infos(replies) == {"Succeed": 1, errors.TOO_MANY_BLOCKS.info: CLICKS - 1}
