"""Concurrent requests about groups end in a consistent state."""

from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from chat_service.tests.calls import create_invitation
from chat_service.tests.factories import befriend, make_account, make_group
from chat_service.tests.images import make_image
from shared.testing.cast import ALICE, BOB, CAROL, DAVE, signed_in
from shared.testing.client import ApiClient, Reply
from shared.testing.races import run_concurrently

pytestmark = pytest.mark.database

HANDLE = "/conversations/manage/handle_invitation"
EVE = 5


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member; dave is a friend of all three."""
    for member in (ALICE, BOB, CAROL):
        befriend(app, member, DAVE)
    return make_group(app, ALICE, CAROL, admins=(BOB,))


def make_request(
    app: Flask, user: int, method: str, path: str, json: dict[str, Any]
) -> Callable[[], Reply]:
    """Prepare a request of a user."""
    caller = signed_in(app, user)
    return lambda: caller.call(method, path, json=json)


def count_outcomes(replies: list[Reply]) -> Counter[tuple[int, int]]:
    """Count the responses by status and code."""
    return Counter((reply.status_code, reply.json["code"]) for reply in replies)


def get_roles(app: Flask, user: int, group: int) -> dict[int, int]:
    reply = signed_in(app, user).get("/conversations/get_members", json={"conversation_id": group})
    return {member["id"]: member["identity"] for member in reply.json["members"]}


def test_of_8_accepts_one_succeeds(app: Flask, alice: ApiClient, group: int) -> None:
    body = {"invite_id": create_invitation(alice, group, DAVE)}

    replies = run_concurrently(
        *(make_request(app, user, "POST", HANDLE, body) for user in (ALICE, BOB) * 4)
    )

    assert count_outcomes(replies) == {(200, 0): 1, (403, -4): 7}
    assert get_roles(app, ALICE, group) == {ALICE: 1, BOB: 2, CAROL: 3, DAVE: 3}


def test_accepting_two_invitations_of_a_user_adds_one_membership(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int
) -> None:
    invitations = [create_invitation(alice, group, DAVE), create_invitation(bob, group, DAVE)]

    replies = run_concurrently(
        *(make_request(app, ALICE, "POST", HANDLE, {"invite_id": each}) for each in invitations)
    )

    assert count_outcomes(replies) == {(200, 0): 1, (403, -4): 1}
    listed = alice.get(f"/conversations/{group}/invitation").json["invitation"]
    assert sorted(row["status"] for row in listed) == [2, 3]


def test_of_accept_and_reject_one_succeeds(app: Flask, alice: ApiClient, group: int) -> None:
    body = {"invite_id": create_invitation(alice, group, DAVE)}

    accepted, rejected = run_concurrently(
        make_request(app, ALICE, "POST", HANDLE, body),
        make_request(app, BOB, "DELETE", HANDLE, body),
    )

    assert count_outcomes([accepted, rejected]) == {(200, 0): 1, (403, -4): 1}
    assert (DAVE in get_roles(app, ALICE, group)) == (accepted.status_code == 200)


def test_eight_equal_invitations_create_one(app: Flask, group: int) -> None:
    body = {"conversationId": group, "member_id": [DAVE]}

    replies = run_concurrently(
        *(make_request(app, CAROL, "POST", "/conversations/member/add", body) for _ in range(8))
    )

    assert count_outcomes(replies) == {(200, 0): 1, (403, -5): 7}


def test_parallel_transfers_leave_one_owner(app: Flask, group: int) -> None:
    bodies = [{"conversation_id": group, "user": user} for user in (BOB, CAROL)] * 3
    path = "/conversations/manage/ownership_transfer"

    replies = run_concurrently(*(make_request(app, ALICE, "POST", path, body) for body in bodies))

    assert count_outcomes(replies) == {(200, 0): 1, (403, -3): 5}
    assert sorted(get_roles(app, BOB, group).values()) in ([1, 2, 3], [1, 3, 3])


def test_setting_an_admin_twice_succeeds_once(app: Flask, group: int) -> None:
    body = {"conversation_id": group, "user": CAROL}

    replies = run_concurrently(
        *(make_request(app, ALICE, "POST", "/conversations/manage/admin", body) for _ in range(2))
    )

    assert count_outcomes(replies) == {(200, 0): 1, (403, 3): 1}


def test_successful_sends_of_a_removed_member_are_stored(
    app: Flask, alice: ApiClient, group: int
) -> None:
    text = {"conversationId": group, "content": "hello"}
    sends = [make_request(app, CAROL, "POST", "/conversations/messages", text) for _ in range(5)]
    whom = {"conversation_id": group, "user": CAROL}

    *sent, removed = run_concurrently(
        *sends, make_request(app, ALICE, "DELETE", "/conversations/member/remove", whom)
    )

    assert removed.status_code == 200
    assert set(count_outcomes(sent)) <= {(200, 0), (400, 1)}
    there = alice.get("/conversations/messages", json={"conversationId": group}).json["messages"]
    assert [message["seq"] for message in there] == list(range(1, 1 + count_outcomes(sent)[200, 0]))


def test_a_transfer_and_a_removal_of_the_new_owner_leave_one_owner(app: Flask, group: int) -> None:
    whom = {"conversation_id": group, "user": CAROL}

    transferred, removed = run_concurrently(
        make_request(app, ALICE, "POST", "/conversations/manage/ownership_transfer", whom),
        make_request(app, BOB, "DELETE", "/conversations/member/remove", whom),
    )

    assert count_outcomes([transferred, removed])[200, 0] == 1
    assert list(get_roles(app, BOB, group).values()).count(1) == 1


@pytest.mark.parametrize("_again", range(3))
def test_dissolving_is_consistent_with_concurrent_requests(
    app: Flask, alice: ApiClient, bob: ApiClient, group: int, _again: int
) -> None:
    make_account(app, EVE, "Eve")
    befriend(app, ALICE, EVE)
    invitation = create_invitation(bob, group, DAVE)
    text = {"conversationId": group, "content": "hello"}
    message_ids = [
        bob.post("/conversations/messages", json=text).json["message_id"] for _ in range(3)
    ]
    announced = bob.post(
        "/conversations/manage/notifications", json={"conversation_id": group, "content": "x"}
    )
    here = {"conversation_id": group}
    carol = signed_in(app, CAROL)
    image = {"conversationId": str(group), "image": (BytesIO(make_image()), "cat.png")}

    replies = run_concurrently(
        make_request(app, ALICE, "POST", "/conversations/member/remove", here),
        make_request(app, BOB, "POST", "/conversations/messages", text),
        lambda: carol.post("/conversations/image", data=image),
        make_request(app, CAROL, "GET", "/conversations/messages", here),
        make_request(app, CAROL, "GET", "/conversations", {}),
        make_request(app, ALICE, "POST", "/conversations/member/add", {**here, "member_id": EVE}),
        make_request(app, BOB, "POST", HANDLE, {"invite_id": invitation}),
        make_request(
            app, ALICE, "POST", "/conversations/manage/ownership_transfer", {**here, "user": BOB}
        ),
        make_request(app, ALICE, "POST", "/conversations/manage/admin", {**here, "user": CAROL}),
        make_request(app, BOB, "DELETE", "/conversations/member/remove", {**here, "user": CAROL}),
        make_request(app, BOB, "POST", "/conversations/manage/info", {**here, "name": "renamed"}),
        make_request(
            app,
            BOB,
            "DELETE",
            "/conversations/manage/notifications",
            {"notification_id": announced.json["notification_id"]},
        ),
        make_request(app, BOB, "DELETE", "/conversations/messages", {"message_id": message_ids[0]}),
        make_request(
            app, BOB, "DELETE", "/conversations/delete_messages", {"message_ids": message_ids}
        ),
        make_request(app, BOB, "POST", "/interface", {**here, "unreads": 3}),
        make_request(app, BOB, "POST", "/conversations/readlist", {"message_id": message_ids[1]}),
    )

    assert max(reply.status_code for reply in replies) < 500
    left = [row["id"] for row in bob.get("/conversations").json["conversation"]]
    was_dissolved = replies[0].status_code == 200 and replies[7].status_code != 200
    assert not (was_dissolved and group in left)
