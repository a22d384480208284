"""Sending and listing invitations (进群邀请, 获取群组邀请)."""

from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from chat_service.db import db
from chat_service.tests.calls import (
    create_invitation,
    get_invitation_statuses,
    invite,
    list_invitations,
)
from chat_service.tests.factories import befriend, list_ids, make_account, make_group
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient, assert_error
from shared.testing.databases import counted_queries
from shared.web.errors import BAD_PARAMETER

HANDLE_PATH = "/conversations/manage/handle_invitation"
UNKNOWN_ID = 999
PENDING, REJECTED, ACCEPTED, SUPERSEDED = 0, 1, 2, 3


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member; dave is a friend of all three."""
    for member in (ALICE, BOB, CAROL):
        befriend(app, member, DAVE)
    return make_group(app, ALICE, CAROL, admins=(BOB,))


class TestInvite:
    """进群邀请/conversations/member/add POST."""

    @pytest.mark.parametrize("who", ["alice", "bob", "carol"])
    def test_an_invitation_of_any_member_is_pending(
        self, request: pytest.FixtureRequest, who: str, dave: ApiClient, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = invite(caller, group, DAVE)

        assert (reply.json["info"], reply.json["message"]) == (
            "success",
            "邀请成功，等待管理员确认",
        )
        assert list(get_invitation_statuses(caller, group).values()) == [PENDING]
        assert group not in list_ids(dave.get("/conversations"), "conversation")

    def test_several_users_are_invited_once_each(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        make_account(app, 5, "Eve")
        befriend(app, ALICE, 5)
        invite(alice, group, [DAVE, "5", DAVE])
        assert {row["receiver_id"] for row in list_invitations(alice, group)} == {DAVE, 5}

    def test_all_or_none_are_invited(self, alice: ApiClient, group: int) -> None:
        assert_error(invite(alice, group, [DAVE, UNKNOWN_ID]), errors.NOT_YOUR_FRIEND)
        assert list_invitations(alice, group) == []

    @pytest.mark.parametrize("whom", [[], [[DAVE]], [None], "x", {}, True])
    def test_an_invalid_list_is_refused(self, alice: ApiClient, group: int, whom: Any) -> None:
        assert_error(invite(alice, group, whom), BAD_PARAMETER, field="member_id")

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        assert_error(invite(alice, UNKNOWN_ID, DAVE), errors.CONVERSATION_NOT_FOUND)

    def test_the_conversation_is_not_found_for_a_stranger(
        self, dave: ApiClient, group: int
    ) -> None:
        assert_error(invite(dave, group, ALICE), errors.CONVERSATION_NOT_FOUND)

    def test_a_private_conversation_has_no_invitations(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        private = next(
            i for i in list_ids(alice.get("/conversations"), "conversation") if i != group
        )
        assert_error(invite(alice, private, BOB), errors.CONVERSATION_NOT_FOUND)

    @pytest.mark.parametrize("whom", [CAROL, ALICE, [DAVE, CAROL]])
    def test_already_a_member(self, alice: ApiClient, group: int, whom: Any) -> None:
        assert_error(invite(alice, group, whom), errors.ALREADY_MEMBER)

    def test_an_unknown_user_is_no_friend(self, alice: ApiClient, group: int) -> None:
        assert_error(invite(alice, group, UNKNOWN_ID), errors.NOT_YOUR_FRIEND)

    def test_only_friends_are_invited(self, app: Flask, alice: ApiClient, group: int) -> None:
        befriend(app, ALICE, DAVE, active=False, version=2)
        assert_error(invite(alice, group, DAVE), errors.NOT_YOUR_FRIEND)

    def test_a_deleted_friend_is_not_invited(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        make_account(app, DAVE, "Dave", version=2, deleted=True)
        assert_error(invite(alice, group, DAVE), errors.NOT_YOUR_FRIEND)

    def test_a_pending_invitation_is_not_repeated(self, carol: ApiClient, group: int) -> None:
        invite(carol, group, DAVE)
        assert_error(invite(carol, group, DAVE), errors.INVITATION_WAITING)

    def test_another_member_can_invite_the_same_user(
        self, bob: ApiClient, carol: ApiClient, group: int
    ) -> None:
        invite(carol, group, DAVE)
        assert invite(bob, group, DAVE).status_code == 200

    def test_a_rejected_user_can_be_invited_again(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        alice.delete(HANDLE_PATH, json={"invite_id": create_invitation(carol, group, DAVE)})
        assert invite(carol, group, DAVE).status_code == 200


class TestList:
    """获取群组邀请/conversations/<conversation_id>/invitation, and /conversations/invitation."""

    def test_all_members_list_the_invitations(
        self, app: Flask, bob: ApiClient, carol: ApiClient, group: int
    ) -> None:
        make_account(app, DAVE, "Dave", version=2, avatar_digest="d1")
        invitation = create_invitation(bob, group, DAVE)

        [row] = list_invitations(carol, group)

        assert row.pop("timestamp").endswith("Z")
        assert row == {
            "invite_id": invitation,
            "conversation_id": group,
            "sender_id": BOB,
            "sender_name": "Bob",
            "sender_avatar": "",
            "receiver_id": DAVE,
            "receiver_name": "Dave",
            "receiver_avatar": f"http://localhost/account/avatar/{DAVE}/d1",
            "status": PENDING,
        }

    def test_invitations_are_listed_newest_first(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        first, second = create_invitation(alice, group, DAVE), create_invitation(bob, group, DAVE)
        assert list(get_invitation_statuses(alice, group)) == [second, first]

    def test_the_later_edition_has_the_same_under_another_key(
        self, alice: ApiClient, group: int
    ) -> None:
        invite(alice, group, DAVE)
        reply = alice.get("/conversations/invitation", json={"conversation_id": group})
        assert reply.json["invitations"] == list_invitations(alice, group)

    @pytest.mark.parametrize(
        "path", ["/conversations/{}/invitation", "/conversations/invitation?conversation_id={}"]
    )
    def test_conversation_not_found(self, alice: ApiClient, path: str) -> None:
        assert_error(alice.get(path.format(UNKNOWN_ID)), errors.CONVERSATION_NOT_FOUND)

    @pytest.mark.parametrize(
        "path", ["/conversations/{}/invitation", "/conversations/invitation?conversation_id={}"]
    )
    def test_the_conversation_is_not_found_for_a_stranger(
        self, dave: ApiClient, group: int, path: str
    ) -> None:
        assert_error(dave.get(path.format(group)), errors.CONVERSATION_NOT_FOUND)

    def test_an_invalid_id_in_the_path_is_refused(self, alice: ApiClient) -> None:
        reply = alice.get("/conversations/x/invitation")
        assert_error(reply, BAD_PARAMETER, field="conversation_id")

    def test_listing_needs_a_fixed_number_of_queries(
        self, app: Flask, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        invite(bob, group, DAVE)
        with counted_queries(app, db) as few:
            list_invitations(alice, group)
        for user in range(10, 30):
            make_account(app, user, f"User{user}")
            befriend(app, ALICE, user)
        invite(alice, group, list(range(10, 30)))
        with counted_queries(app, db) as many:
            list_invitations(alice, group)
        assert len(many) == len(few)
