"""Handling invitations (处理入群邀请/conversations/manage/handle_invitation)."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    create_invitation,
    get_invitation_statuses,
)
from chat_service.tests.factories import add_member, befriend, make_account, make_group
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient, assert_error

HANDLE_PATH = "/conversations/manage/handle_invitation"
UNKNOWN_ID = 999
PENDING, REJECTED, ACCEPTED, SUPERSEDED = 0, 1, 2, 3


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member; dave is a friend of all three."""
    for member in (ALICE, BOB, CAROL):
        befriend(app, member, DAVE)
    return make_group(app, ALICE, CAROL, admins=(BOB,))


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
        invitation = create_invitation(carol, group, DAVE)
        body = {"conversation_id": group, "invite_id": invitation, "status": status}

        reply = caller.post(HANDLE_PATH, json=body)

        assert reply.json == {"code": 0, "info": "success", "message": "同意该用户入群"}
        assert get_invitation_statuses(dave, group) == {invitation: ACCEPTED}

    def test_a_new_member_sees_the_whole_history_and_has_nothing_unread(
        self, alice: ApiClient, dave: ApiClient, group: int
    ) -> None:
        alice.post("/conversations/messages", json={"conversationId": group, "content": "hello"})
        alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group, DAVE)})

        settings = dave.get("/interface", json={"conversation_id": group})
        history = dave.get("/conversations/messages", json={"conversationId": group})

        assert settings.json["unreads"] == 0
        assert [message["content"] for message in history.json["messages"]] == ["hello"]

    def test_a_new_member_has_not_read_earlier_messages(self, alice: ApiClient, group: int) -> None:
        sent = alice.post("/conversations/messages", json={"conversationId": group, "content": "x"})
        alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group, DAVE)})
        readers = alice.post(
            "/conversations/readlist", json={"message_id": sent.json["message_id"]}
        )
        assert readers.json["read_users"] == []

    def test_other_pending_invitations_of_the_user_are_superseded(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        first, second = create_invitation(alice, group, DAVE), create_invitation(bob, group, DAVE)
        alice.post(HANDLE_PATH, json={"invite_id": first})
        assert get_invitation_statuses(alice, group) == {first: ACCEPTED, second: SUPERSEDED}

    def test_unknown_invitation(self, alice: ApiClient) -> None:
        reply = alice.post(HANDLE_PATH, json={"invite_id": UNKNOWN_ID})
        assert_error(reply, errors.INVITATION_NOT_FOUND)

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_an_invitation_of_another_conversation_is_not_found(
        self, app: Flask, alice: ApiClient, group: int, method: str
    ) -> None:
        other = make_group(app, ALICE)
        body = {"conversation_id": other, "invite_id": create_invitation(alice, group, DAVE)}
        assert_error(alice.call(method, HANDLE_PATH, json=body), errors.INVITATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["carol", "dave"])
    def test_members_and_strangers_have_no_permission(
        self, request: pytest.FixtureRequest, who: str, alice: ApiClient, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = caller.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group, DAVE)})
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
        invitation = create_invitation(alice, group, DAVE)
        alice.post(HANDLE_PATH, json={"invite_id": invitation})
        reply = carol.post(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.MAY_NOT_HANDLE)

    @pytest.mark.parametrize("first", ["POST", "DELETE"])
    def test_already_handled(
        self, alice: ApiClient, bob: ApiClient, group: int, first: str
    ) -> None:
        invitation = create_invitation(alice, group, DAVE)
        alice.call(first, HANDLE_PATH, json={"invite_id": invitation})
        reply = bob.post(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITATION_HANDLED)

    def test_a_receiver_who_is_already_a_member(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(alice, group, DAVE)
        add_member(app, group, DAVE)
        reply = alice.post(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITED_ALREADY_MEMBER)

    def test_a_deleted_account_joins_only_after_its_restoration(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(alice, group, DAVE)
        make_account(app, DAVE, "Dave", version=2, deleted=True)
        rejection = alice.post(HANDLE_PATH, json={"invite_id": invitation})
        make_account(app, DAVE, "Dave", version=3)
        accepted = alice.post(HANDLE_PATH, json={"invite_id": invitation})

        assert_error(rejection, errors.INVITATION_NOT_FOUND)
        assert accepted.status_code == 200

    def test_a_former_member_can_be_invited_and_accepted_again(
        self, alice: ApiClient, dave: ApiClient, group: int
    ) -> None:
        alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group, DAVE)})
        dave.post("/conversations/member/remove", json={"conversation_id": group})
        again = alice.post(HANDLE_PATH, json={"invite_id": create_invitation(alice, group, DAVE)})
        assert again.status_code == 200


class TestReject:
    """处理入群邀请/conversations/manage/handle_invitation DELETE."""

    def test_the_receiver_does_not_join(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(carol, group, DAVE)
        body = {"conversation_id": group, "invite_id": invitation, "status": 1}

        reply = alice.delete(HANDLE_PATH, json=body)

        assert reply.json == {"code": 0, "info": "success", "message": "拒绝该用户入群"}
        assert get_invitation_statuses(carol, group) == {invitation: REJECTED}

    def test_unknown_invitation(self, alice: ApiClient) -> None:
        reply = alice.delete(HANDLE_PATH, json={"invite_id": UNKNOWN_ID})
        assert_error(reply, errors.INVITATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["carol", "dave"])
    def test_members_and_strangers_have_no_permission(
        self, request: pytest.FixtureRequest, who: str, alice: ApiClient, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = caller.delete(
            HANDLE_PATH, json={"invite_id": create_invitation(alice, group, DAVE)}
        )
        assert_error(reply, errors.MAY_NOT_HANDLE)

    def test_already_handled(self, alice: ApiClient, group: int) -> None:
        invitation = create_invitation(alice, group, DAVE)
        alice.delete(HANDLE_PATH, json={"invite_id": invitation})
        reply = alice.delete(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITATION_HANDLED)

    def test_a_receiver_who_is_already_a_member(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        invitation = create_invitation(alice, group, DAVE)
        add_member(app, group, DAVE)
        reply = alice.delete(HANDLE_PATH, json={"invite_id": invitation})
        assert_error(reply, errors.INVITED_ALREADY_MEMBER)
