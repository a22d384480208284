"""好友申请/add_friend, 好友申请列表/friend_requests and 处理好友申请/friend_request_handle."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient, Reply, assert_error
from social_service import errors
from social_service.models import RequestStatus
from social_service.tests.calls import (
    UNKNOWN_USER,
    accept_friend_request,
    befriend,
    list_friend_ids,
    list_request_statuses,
    reject_friend_request,
    remove_friend,
    send_friend_request,
)
from social_service.tests.factories import delete_account, make_account, make_request

Handle = Callable[[ApiClient, ApiClient], Reply]
NOON = datetime(2025, 3, 13, 12, tzinfo=UTC)


def test_a_sent_request_reaches_the_other(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    make_account(app, ALICE, "Alice", email="alice@example.com", avatar_digest="d1", version=2)
    sent = send_friend_request(alice, bob, "Hello 你好")
    response = bob.get("/friend_requests")
    [received] = response.json["requests"]
    created_at = datetime.fromisoformat(received.pop("created_at"))
    assert sent.json == {"code": 0, "info": "success", "message": "申请成功"}
    assert received == {
        "sender_user_id": ALICE,
        "receiver_user_id": BOB,
        "user_email": "alice@example.com",
        "user_name": "Alice",
        "avatar": f"http://localhost/account/avatar/{ALICE}/d1",
        "message": "Hello 你好",
        "status": 0,
    }
    assert timedelta() <= datetime.now(UTC) - created_at < timedelta(minutes=1)


def test_times_are_shown_in_utc_without_fraction(app: Flask, bob: ApiClient) -> None:
    make_request(app, ALICE, BOB, created_at=NOON + timedelta(microseconds=7))
    [received] = bob.get("/friend_requests").json["requests"]
    assert received["created_at"] == "2025-03-13T12:00:00Z"


def test_a_request_needs_no_message(alice: ApiClient, bob: ApiClient) -> None:
    alice.post("/add_friend", json={"target_id": str(BOB)})
    [received] = bob.get("/friend_requests").json["requests"]
    assert received["message"] == ""


def test_a_message_of_255_code_points_is_stored(alice: ApiClient, bob: ApiClient) -> None:
    send_friend_request(alice, bob, "🎉" * 255)
    [received] = bob.get("/friend_requests").json["requests"]
    assert received["message"] == "🎉" * 255


def test_without_requests_the_list_is_empty(alice: ApiClient) -> None:
    response = alice.get("/friend_requests")
    assert (response.status_code, response.json["requests"]) == (200, [])


def test_requests_are_seen_by_the_receiver_alone(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    send_friend_request(alice, bob)
    assert (
        list_request_statuses(alice),
        list_request_statuses(bob),
        list_request_statuses(carol),
    ) == ([], [0], [])


def test_requests_are_listed_newest_first(app: Flask, dave: ApiClient) -> None:
    make_request(app, BOB, DAVE, created_at=NOON + timedelta(hours=1))
    make_request(app, ALICE, DAVE, created_at=NOON)
    make_request(app, CAROL, DAVE, created_at=NOON)
    received = dave.get("/friend_requests").json["requests"]
    assert [request["sender_user_id"] for request in received] == [BOB, CAROL, ALICE]


def test_a_deleted_senders_request_is_still_listed(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    send_friend_request(alice, bob)
    delete_account(app, ALICE, "Alice")
    [received] = bob.get("/friend_requests").json["requests"]
    assert received["user_name"] == "Alice"


def test_a_new_request_after_a_refusal_takes_the_olds_place(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    send_friend_request(alice, bob, "first")
    send_friend_request(carol, bob, "between")
    reject_friend_request(bob, alice)
    send_friend_request(alice, bob, "second")
    received = bob.get("/friend_requests").json["requests"]
    assert [request["message"] for request in received] == ["second", "between"]
    assert list_request_statuses(bob) == [0, 0]


def test_a_new_request_after_the_friendship_ended_is_welcome(
    alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    remove_friend(bob, alice)
    send_friend_request(alice, bob, "again")
    assert list_request_statuses(bob) == [0]


def test_requests_may_cross(alice: ApiClient, bob: ApiClient) -> None:
    send_friend_request(alice, bob)
    assert send_friend_request(bob, alice).status_code == 200
    assert (list_request_statuses(alice), list_request_statuses(bob)) == ([0], [0])


def test_add_friend_rejects_the_caller(alice: ApiClient) -> None:
    assert_error(send_friend_request(alice, alice), errors.CANNOT_ADD_SELF)


def test_add_friend_rejects_an_unknown_user(alice: ApiClient) -> None:
    response = alice.post("/add_friend", json={"target_id": UNKNOWN_USER})
    assert_error(response, errors.USER_NOT_FOUND_OR_DELETED)


def test_add_friend_refuses_a_deleted_target(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    delete_account(app, BOB)
    assert_error(send_friend_request(alice, bob), errors.USER_NOT_FOUND_OR_DELETED)


def test_add_friend_refuses_a_deleted_friend_as_gone(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    delete_account(app, BOB)
    assert_error(send_friend_request(alice, bob), errors.USER_NOT_FOUND_OR_DELETED)


def test_add_friend_refuses_a_deleted_caller(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    delete_account(app, ALICE)
    assert_error(send_friend_request(alice, bob), errors.USER_NOT_FOUND_OR_DELETED)
    assert list_request_statuses(bob) == []


def test_add_friend_refuses_friends_on_both_sides(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    assert_error(send_friend_request(alice, bob), errors.ALREADY_FRIENDS)
    assert_error(send_friend_request(bob, alice), errors.ALREADY_FRIENDS)


def test_add_friend_rejects_a_second_request_and_leaves_the_first(
    alice: ApiClient, bob: ApiClient
) -> None:
    send_friend_request(alice, bob, "first")
    assert_error(send_friend_request(alice, bob, "second"), errors.REQUEST_ALREADY_SENT)
    [received] = bob.get("/friend_requests").json["requests"]
    assert received["message"] == "first"


def test_accepting_makes_friends_of_both(alice: ApiClient, bob: ApiClient) -> None:
    send_friend_request(alice, bob)
    response = accept_friend_request(bob, alice)
    assert response.json == {"code": 0, "info": "success", "message": "已接受该好友申请"}
    assert (list_friend_ids(alice), list_friend_ids(bob)) == ([BOB], [ALICE])
    assert list_request_statuses(bob) == [RequestStatus.ACCEPTED]


def test_refusing_makes_no_friends(alice: ApiClient, bob: ApiClient) -> None:
    send_friend_request(alice, bob)
    response = reject_friend_request(bob, alice)
    assert response.json == {"code": 0, "info": "success", "message": "已拒绝该好友申请"}
    assert (list_friend_ids(alice), list_friend_ids(bob)) == ([], [])
    assert list_request_statuses(bob) == [RequestStatus.REJECTED]


def test_refusing_takes_its_parameters_from_the_query_string(
    alice: ApiClient, bob: ApiClient
) -> None:
    send_friend_request(alice, bob)
    response = bob.delete(f"/friend_request_handle?sender_user_id={ALICE}&receiver_user_id={BOB}")
    assert response.status_code == 200
    assert list_request_statuses(bob) == [RequestStatus.REJECTED]


def test_accepting_settles_the_crosswise_request(alice: ApiClient, bob: ApiClient) -> None:
    send_friend_request(alice, bob)
    send_friend_request(bob, alice)
    accept_friend_request(bob, alice)
    assert list_request_statuses(bob) == [RequestStatus.ACCEPTED]
    assert list_request_statuses(alice) == [RequestStatus.SUPERSEDED]


def test_accepting_leaves_a_refused_crosswise_request_refused(
    alice: ApiClient, bob: ApiClient
) -> None:
    send_friend_request(bob, alice)
    reject_friend_request(alice, bob)
    send_friend_request(alice, bob)
    accept_friend_request(bob, alice)
    assert list_request_statuses(alice) == [RequestStatus.REJECTED]


def test_refusing_leaves_the_crosswise_request_waiting(alice: ApiClient, bob: ApiClient) -> None:
    send_friend_request(alice, bob)
    send_friend_request(bob, alice)
    reject_friend_request(bob, alice)
    assert list_request_statuses(alice) == [RequestStatus.PENDING]
    assert accept_friend_request(alice, bob).status_code == 200


HANDLING = pytest.mark.parametrize(
    "handle", [accept_friend_request, reject_friend_request], ids=["accept", "refuse"]
)


@HANDLING
def test_handling_refuses_a_deleted_sender(
    app: Flask, alice: ApiClient, bob: ApiClient, handle: Handle
) -> None:
    send_friend_request(alice, bob)
    delete_account(app, ALICE)
    assert_error(handle(bob, alice), errors.USER_DELETED)
    assert list_request_statuses(bob) == [RequestStatus.PENDING]


@HANDLING
def test_handling_refuses_a_deleted_caller(
    app: Flask, alice: ApiClient, bob: ApiClient, handle: Handle
) -> None:
    send_friend_request(alice, bob)
    delete_account(app, BOB)
    assert_error(handle(bob, alice), errors.USER_DELETED)


@HANDLING
def test_handling_rejects_an_unknown_sender(bob: ApiClient, handle: Handle) -> None:
    assert_error(handle(bob, ApiClient(bob.app, user_id=UNKNOWN_USER)), errors.USER_DELETED)


@HANDLING
def test_handling_refuses_friends(alice: ApiClient, bob: ApiClient, handle: Handle) -> None:
    befriend(alice, bob)
    assert_error(handle(bob, alice), errors.ALREADY_FRIENDS)


@HANDLING
def test_handling_refuses_friends_also_where_the_crosswise_request_was(
    alice: ApiClient, bob: ApiClient, handle: Handle
) -> None:
    send_friend_request(bob, alice)
    befriend(alice, bob)
    assert_error(handle(alice, bob), errors.ALREADY_FRIENDS)
    assert list_friend_ids(alice) == [BOB]


@HANDLING
def test_handling_rejects_a_missing_request(
    alice: ApiClient, bob: ApiClient, handle: Handle
) -> None:
    assert_error(handle(bob, alice), errors.REQUEST_NOT_FOUND)


@HANDLING
def test_handling_refuses_a_request_of_the_other_direction(
    alice: ApiClient, bob: ApiClient, handle: Handle
) -> None:
    send_friend_request(bob, alice)
    assert_error(handle(bob, alice), errors.REQUEST_NOT_FOUND)


@HANDLING
def test_handling_refuses_what_was_refused(
    alice: ApiClient, bob: ApiClient, handle: Handle
) -> None:
    send_friend_request(alice, bob)
    reject_friend_request(bob, alice)
    assert_error(handle(bob, alice), errors.REQUEST_NOT_FOUND)


@HANDLING
def test_handling_rejects_the_callers_own_request(alice: ApiClient, handle: Handle) -> None:
    assert_error(handle(alice, alice), errors.REQUEST_NOT_FOUND)


@HANDLING
def test_handling_is_for_the_receiver_alone(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, handle: Handle
) -> None:
    send_friend_request(alice, bob)
    assert_error(handle(_posing_as(bob, alice), alice), errors.REQUEST_NOT_FOUND)
    assert_error(handle(_posing_as(bob, carol), alice), errors.REQUEST_NOT_FOUND)
    assert list_request_statuses(bob) == [RequestStatus.PENDING]


@HANDLING
def test_handling_does_not_reveal_friendships_to_strangers(
    alice: ApiClient, bob: ApiClient, carol: ApiClient, handle: Handle
) -> None:
    befriend(alice, bob)
    assert_error(handle(_posing_as(bob, carol), alice), errors.REQUEST_NOT_FOUND)


def _posing_as(receiver: ApiClient, caller: ApiClient) -> ApiClient:
    """Create a client that sends another user's id as the receiver."""
    return ApiClient(caller.app, caller.token, receiver.id)
