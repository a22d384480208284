"""Sending, listing and handling invitations (进群邀请, 获取群组邀请, 处理入群邀请)."""

from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from chat_service.db import db
from chat_service.tests.factories import add_member, befriend, list_ids, make_account, make_group
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.databases import counted_queries
from shared.web.errors import BAD_PARAMETER

ADD_PATH = "/conversations/member/add"
HANDLE_PATH = "/conversations/manage/handle_invitation"
UNKNOWN_ID = 999
PENDING, REJECTED, ACCEPTED, SUPERSEDED = 0, 1, 2, 3


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member; dave is a friend of all three."""
    for member in (ALICE, BOB, CAROL):
        befriend(app, member, DAVE)
    return make_group(app, ALICE, CAROL, admins=(BOB,))


def invite(caller: ApiClient, group: int, whom: Any = DAVE) -> Reply:
    return caller.post(ADD_PATH, json={"conversationId": group, "member_id": whom})


def create_invitation(caller: ApiClient, group: int, whom: Any = DAVE) -> int:
    """Create a pending invitation.

    Returns:
        the invitation's id.
    """
    [invitation] = invite(caller, group, whom).json["invite_ids"]
    return int(invitation)


def list_invitations(caller: ApiClient, group: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = caller.get(f"/conversations/{group}/invitation").json["invitation"]
    return rows


def get_statuses(caller: ApiClient, group: int) -> dict[int, int]:
    return {row["invite_id"]: row["status"] for row in list_invitations(caller, group)}


class TestInvite:
    """进群邀请/conversations/member/add POST."""

    @pytest.mark.parametrize("who", ["alice", "bob", "carol"])
    def test_an_invitation_of_any_member_is_pending(
        self, request: pytest.FixtureRequest, who: str, dave: ApiClient, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = invite(caller, group)

        assert (reply.json["info"], reply.json["message"]) == (
            "success",
            "邀请成功，等待管理员确认",
        )
        assert list(get_statuses(caller, group).values()) == [PENDING]
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
        assert_error(invite(alice, UNKNOWN_ID), errors.CONVERSATION_NOT_FOUND)

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
        assert_error(invite(alice, group), errors.NOT_YOUR_FRIEND)

    def test_a_deleted_friend_is_not_invited(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        make_account(app, DAVE, "Dave", version=2, deleted=True)
        assert_error(invite(alice, group), errors.NOT_YOUR_FRIEND)

    def test_a_pending_invitation_is_not_repeated(self, carol: ApiClient, group: int) -> None:
        invite(carol, group)
        assert_error(invite(carol, group), errors.INVITATION_WAITING)

    def test_another_member_can_invite_the_same_user(
        self, bob: ApiClient, carol: ApiClient, group: int
    ) -> None:
        invite(carol, group)
        assert invite(bob, group).status_code == 200

    def test_a_rejected_user_can_be_invited_again(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        alice.delete(HANDLE_PATH, json={"invite_id": create_invitation(carol, group)})
        assert invite(carol, group).status_code == 200


class TestList:
    """获取群组邀请/conversations/<conversation_id>/invitation, and /conversations/invitation."""

    def test_all_members_list_the_invitations(
        self, app: Flask, bob: ApiClient, carol: ApiClient, group: int
    ) -> None:
        make_account(app, DAVE, "Dave", version=2, avatar_digest="d1")
        invitation = create_invitation(bob, group)

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
        first, second = create_invitation(alice, group), create_invitation(bob, group)
        assert list(get_statuses(alice, group)) == [second, first]

    def test_the_later_edition_has_the_same_under_another_key(
        self, alice: ApiClient, group: int
    ) -> None:
        invite(alice, group)
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
        invite(bob, group)
        with counted_queries(app, db) as few:
            list_invitations(alice, group)
        for user in range(10, 30):
            make_account(app, user, f"User{user}")
            befriend(app, ALICE, user)
        invite(alice, group, list(range(10, 30)))
        with counted_queries(app, db) as many:
            list_invitations(alice, group)
        assert len(many) == len(few)


class TestAccept:
    """处理入群邀请/conversations/manage/handle_invitation POST."""

    @pytest.mark.parametrize(("who", "status"), [("alice", 0), ("bob", 1), ("bob", None)])
    def test_the_owner_and_admins_accept_with_any_status_field(
        self,
        request: pytest.FixtureRequest,
        who: str,
        status: int | None,
        carol: ApiClient,
        dave: ApiClient,
        group: int,
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        invitation = create_invitation(carol, group)
        body = {"conversation_id": group, "invite_id": invitation, "status": status}

        reply = caller.post(HANDLE_PATH, json=body)

        assert reply.json == {"code": 0, "info": "success", "message": "同意该用户入群"}
        assert get_statuses(dave, group) == {invitation: ACCEPTED}

    def test_a_new_member_sees_the_whole_history_and_has_nothing_unread(
        self, alice: ApiClient, dave: ApiClient, group: int
    ) -> None:
        alice.post("/conversations/messages", json={"conversationId": group, "content": "hello"})
        alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group)})

        settings = dave.get("/interface", json={"conversation_id": group})
        history = dave.get("/conversations/messages", json={"conversationId": group})

        assert settings.json["unreads"] == 0
        assert [message["content"] for message in history.json["messages"]] == ["hello"]

    def test_a_new_member_has_not_read_earlier_messages(self, alice: ApiClient, group: int) -> None:
        sent = alice.post("/conversations/messages", json={"conversationId": group, "content": "x"})
        alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group)})
        readers = alice.post(
            "/conversations/readlist", json={"message_id": sent.json["message_id"]}
        )
        assert readers.json["read_users"] == []

    def test_other_pending_invitations_of_the_user_are_superseded(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        first, second = create_invitation(alice, group), create_invitation(bob, group)
        alice.post(HANDLE_PATH, json={"invite_id": first})
        assert get_statuses(alice, group) == {first: ACCEPTED, second: SUPERSEDED}

    def test_unknown_invitation(self, alice: ApiClient) -> None:
        reply = alice.post(HANDLE_PATH, json={"invite_id": UNKNOWN_ID})
        assert_error(reply, errors.INVITATION_NOT_FOUND)

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_an_invitation_of_another_conversation_is_not_found(
        self, app: Flask, alice: ApiClient, group: int, method: str
    ) -> None:
        other = make_group(app, ALICE)
        body = {"conversation_id": other, "invite_id": create_invitation(alice, group)}
        assert_error(alice.call(method, HANDLE_PATH, json=body), errors.INVITATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["carol", "dave"])
    def test_members_and_strangers_have_no_permission(
        self, request: pytest.FixtureRequest, who: str, alice: ApiClient, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = caller.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group)})
        assert_error(reply, errors.MAY_NOT_HANDLE)

    def test_the_owner_of_another_group_has_no_permission(
        self, app: Flask, alice: ApiClient, dave: ApiClient
    ) -> None:
        befriend(app, ALICE, DAVE)
        befriend(app, ALICE, BOB)
        invitation = create_invitation(alice, make_group(app, ALICE), BOB)
        make_group(app, DAVE)
        reply = dave.post(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.MAY_NOT_HANDLE)

    def test_the_permission_is_checked_before_the_status(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(alice, group)
        alice.post(HANDLE_PATH, json={"invite_id": invitation})
        reply = carol.post(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.MAY_NOT_HANDLE)

    @pytest.mark.parametrize("first", ["POST", "DELETE"])
    def test_already_handled(
        self, alice: ApiClient, bob: ApiClient, group: int, first: str
    ) -> None:
        invitation = create_invitation(alice, group)
        alice.call(first, HANDLE_PATH, json={"invite_id": invitation})
        reply = bob.post(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITATION_HANDLED)

    def test_a_receiver_who_is_already_a_member(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(alice, group)
        add_member(app, group, DAVE)
        reply = alice.post(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITED_ALREADY_MEMBER)

    def test_a_deleted_account_joins_only_after_its_restoration(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(alice, group)
        make_account(app, DAVE, "Dave", version=2, deleted=True)
        rejection = alice.post(HANDLE_PATH, json={"invite_id": invitation})
        make_account(app, DAVE, "Dave", version=3)
        accepted = alice.post(HANDLE_PATH, json={"invite_id": invitation})

        assert_error(rejection, errors.INVITATION_NOT_FOUND)
        assert accepted.status_code == 200

    def test_a_former_member_can_be_invited_and_accepted_again(
        self, alice: ApiClient, dave: ApiClient, group: int
    ) -> None:
        alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group)})
        dave.post("/conversations/member/remove", json={"conversation_id": group})
        again = alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group)})
        assert again.status_code == 200


class TestReject:
    """处理入群邀请/conversations/manage/handle_invitation DELETE."""

    def test_the_receiver_does_not_join(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(carol, group)
        body = {"conversation_id": group, "invite_id": invitation, "status": 1}

        reply = alice.delete(HANDLE_PATH, json=body)

        assert reply.json == {"code": 0, "info": "success", "message": "拒绝该用户入群"}
        assert get_statuses(carol, group) == {invitation: REJECTED}

    def test_unknown_invitation(self, alice: ApiClient) -> None:
        reply = alice.delete(HANDLE_PATH, json={"invite_id": UNKNOWN_ID})
        assert_error(reply, errors.INVITATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["carol", "dave"])
    def test_members_and_strangers_have_no_permission(
        self, request: pytest.FixtureRequest, who: str, alice: ApiClient, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = caller.delete(HANDLE_PATH, json={"invite_id": create_invitation(alice, group)})
        assert_error(reply, errors.MAY_NOT_HANDLE)

    def test_already_handled(self, alice: ApiClient, group: int) -> None:
        invitation = create_invitation(alice, group)
        alice.delete(HANDLE_PATH, json={"invite_id": invitation})
        reply = alice.delete(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITATION_HANDLED)

    def test_a_receiver_who_is_already_a_member(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(alice, group)
        add_member(app, group, DAVE)
        reply = alice.delete(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITED_ALREADY_MEMBER)
