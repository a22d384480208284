"""Roles, ownership, leaving and removing (群聊管理)."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.factories import befriend, list_ids, make_account, make_group
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient, Reply, assert_error

UNKNOWN_ID = 999
ADMIN_PATH = "/conversations/manage/admin"
TRANSFER_PATH = "/conversations/manage/ownership_transfer"
REMOVE_PATH = "/conversations/member/remove"


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member, dave a stranger."""
    return make_group(app, ALICE, CAROL, admins=(BOB,))


@pytest.fixture
def private(app: Flask, alice: ApiClient) -> int:
    """The private conversation of alice and bob."""
    befriend(app, ALICE, BOB)
    [conversation] = list_ids(alice.get("/conversations"), "conversation")
    return conversation


def get_roles(caller: ApiClient, conversation: int) -> dict[int, int]:
    """Get the roles of the members: 1 owner, 2 admin, 3 member."""
    members = caller.get("/conversations/get_members", json={"conversation_id": conversation})
    return {member["id"]: member["identity"] for member in members.json["members"]}


def make_body(conversation: int, user: int) -> dict[str, int]:
    return {"conversation_id": conversation, "user": user}


def is_success(reply: Reply, message: str, info: str = "Succeed") -> bool:
    return reply.status_code == 200 and reply.json == {"code": 0, "info": info, "message": message}


class TestGrantAdmin:
    """设置群组管理员 /conversations/manage/admin POST."""

    def test_a_member_becomes_an_admin(self, alice: ApiClient, group: int) -> None:
        reply = alice.post(ADMIN_PATH, json=make_body(group, CAROL))

        assert is_success(reply, "设置群组管理员成功")
        assert get_roles(alice, group) == {ALICE: 1, BOB: 2, CAROL: 2}

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        reply = alice.post(ADMIN_PATH, json=make_body(UNKNOWN_ID, UNKNOWN_ID))
        assert_error(reply, errors.CONVERSATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["bob", "carol", "dave"])
    def test_only_the_owner_has_permission(
        self, request: pytest.FixtureRequest, who: str, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        assert_error(
            caller.post(ADMIN_PATH, json=make_body(group, UNKNOWN_ID)),
            errors.ONLY_OWNER_SETS_ADMINS,
        )

    def test_user_not_found(self, alice: ApiClient, group: int) -> None:
        assert_error(
            alice.post(ADMIN_PATH, json=make_body(group, UNKNOWN_ID)), errors.USER_NOT_FOUND
        )

    def test_a_deleted_member_is_not_found(self, app: Flask, alice: ApiClient, group: int) -> None:
        make_account(app, CAROL, "Carol", version=2, deleted=True)
        assert_error(alice.post(ADMIN_PATH, json=make_body(group, CAROL)), errors.USER_NOT_FOUND)

    def test_user_not_in_conversation(self, alice: ApiClient, group: int) -> None:
        assert_error(
            alice.post(ADMIN_PATH, json=make_body(group, DAVE)), errors.USER_NOT_IN_CONVERSATION
        )

    @pytest.mark.parametrize("user", [BOB, ALICE])
    def test_already_admin(self, alice: ApiClient, group: int, user: int) -> None:
        assert_error(alice.post(ADMIN_PATH, json=make_body(group, user)), errors.ALREADY_ADMIN)

    def test_a_private_conversation_has_no_owner(self, alice: ApiClient, private: int) -> None:
        reply = alice.post(ADMIN_PATH, json=make_body(private, BOB))
        assert_error(reply, errors.ONLY_OWNER_SETS_ADMINS)


class TestRevokeAdmin:
    """解除群组管理员 /conversations/manage/admin DELETE."""

    def test_an_admin_becomes_a_member(self, alice: ApiClient, group: int) -> None:
        reply = alice.delete(ADMIN_PATH, json=make_body(group, BOB))

        assert is_success(reply, "解除群组管理员成功")
        assert get_roles(alice, group) == {ALICE: 1, BOB: 3, CAROL: 3}

    def test_a_deleted_admin_can_be_revoked(self, app: Flask, alice: ApiClient, group: int) -> None:
        make_account(app, BOB, "Bob", version=2, deleted=True)
        assert alice.delete(ADMIN_PATH, json=make_body(group, BOB)).status_code == 200

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        reply = alice.delete(ADMIN_PATH, json=make_body(UNKNOWN_ID, UNKNOWN_ID))
        assert_error(reply, errors.CONVERSATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["bob", "carol", "dave"])
    def test_only_the_owner_has_permission(
        self, request: pytest.FixtureRequest, who: str, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = caller.delete(ADMIN_PATH, json=make_body(group, UNKNOWN_ID))
        assert_error(reply, errors.ONLY_OWNER_SETS_ADMINS)

    def test_user_not_found(self, alice: ApiClient, group: int) -> None:
        assert_error(
            alice.delete(ADMIN_PATH, json=make_body(group, UNKNOWN_ID)), errors.USER_NOT_FOUND
        )

    def test_user_not_in_conversation(self, alice: ApiClient, group: int) -> None:
        reply = alice.delete(ADMIN_PATH, json=make_body(group, DAVE))
        assert_error(reply, errors.USER_NOT_IN_CONVERSATION)

    @pytest.mark.parametrize("user", [CAROL, ALICE])
    def test_not_an_admin(self, alice: ApiClient, group: int, user: int) -> None:
        assert_error(alice.delete(ADMIN_PATH, json=make_body(group, user)), errors.NOT_AN_ADMIN)


class TestTransferOwnership:
    """群主转让/conversations/manage/ownership_transfer POST."""

    def test_an_admin_becomes_the_owner_and_the_owner_a_plain_member(
        self, alice: ApiClient, group: int
    ) -> None:
        reply = alice.post(TRANSFER_PATH, json=make_body(group, BOB))

        assert is_success(reply, "群主转让成功")
        assert get_roles(alice, group) == {BOB: 1, ALICE: 3, CAROL: 3}

    def test_the_former_owner_cannot_transfer_again(self, alice: ApiClient, group: int) -> None:
        alice.post(TRANSFER_PATH, json=make_body(group, CAROL))
        reply = alice.post(TRANSFER_PATH, json=make_body(group, CAROL))
        assert_error(reply, errors.ONLY_OWNER_TRANSFERS)

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        reply = alice.post(TRANSFER_PATH, json=make_body(UNKNOWN_ID, ALICE))
        assert_error(reply, errors.CONVERSATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["bob", "carol", "dave"])
    def test_only_the_owner_has_permission(
        self, request: pytest.FixtureRequest, who: str, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        reply = caller.post(TRANSFER_PATH, json=make_body(group, caller.id))
        assert_error(reply, errors.ONLY_OWNER_TRANSFERS)

    def test_a_transfer_to_the_owner_is_refused(self, alice: ApiClient, group: int) -> None:
        reply = alice.post(TRANSFER_PATH, json=make_body(group, ALICE))
        assert_error(reply, errors.CANNOT_TRANSFER_TO_SELF)

    def test_user_not_found(self, alice: ApiClient, group: int) -> None:
        assert_error(
            alice.post(TRANSFER_PATH, json=make_body(group, UNKNOWN_ID)), errors.USER_NOT_FOUND
        )

    def test_a_deleted_member_is_not_found(self, app: Flask, alice: ApiClient, group: int) -> None:
        make_account(app, CAROL, "Carol", version=2, deleted=True)
        assert_error(alice.post(TRANSFER_PATH, json=make_body(group, CAROL)), errors.USER_NOT_FOUND)

    def test_user_not_in_conversation(self, alice: ApiClient, group: int) -> None:
        reply = alice.post(TRANSFER_PATH, json=make_body(group, DAVE))
        assert_error(reply, errors.USER_NOT_IN_CONVERSATION)

    def test_a_private_conversation_has_no_owner(self, alice: ApiClient, private: int) -> None:
        reply = alice.post(TRANSFER_PATH, json=make_body(private, BOB))
        assert_error(reply, errors.ONLY_OWNER_TRANSFERS)


class TestLeave:
    """退出群组 /conversations/member/remove POST."""

    def test_a_member_leaves(self, alice: ApiClient, carol: ApiClient, group: int) -> None:
        reply = carol.post(REMOVE_PATH, json={"conversation_id": group})

        assert is_success(reply, "退出群组成功")
        assert get_roles(alice, group) == {ALICE: 1, BOB: 2}
        assert carol.get("/conversations").json["conversation"] == []

    def test_the_group_is_dissolved_if_the_owner_leaves(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        reply = alice.post(REMOVE_PATH, json={"conversation_id": group})

        assert is_success(reply, "退出群组成功")
        assert bob.get("/conversations").json["conversation"] == []
        sent = bob.post("/conversations/messages", json={"conversationId": group, "content": "x"})
        assert_error(sent, errors.CONVERSATION_NOT_FOUND)

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        reply = alice.post(REMOVE_PATH, json={"conversation_id": UNKNOWN_ID})
        assert_error(reply, errors.CONVERSATION_NOT_FOUND)

    def test_a_stranger_cannot_leave(self, dave: ApiClient, group: int) -> None:
        reply = dave.post(REMOVE_PATH, json={"conversation_id": group})
        assert_error(reply, errors.NOT_IN_GROUP_TO_LEAVE)

    def test_a_private_conversation_cannot_be_left(self, alice: ApiClient, private: int) -> None:
        reply = alice.post(REMOVE_PATH, json={"conversation_id": private})
        assert_error(reply, errors.NOT_IN_GROUP_TO_LEAVE)

    def test_a_closed_private_conversation_is_not_found(
        self, app: Flask, alice: ApiClient, private: int
    ) -> None:
        befriend(app, ALICE, BOB, active=False, version=2)
        reply = alice.post(REMOVE_PATH, json={"conversation_id": private})
        assert_error(reply, errors.CONVERSATION_NOT_FOUND)


class TestRemove:
    """移除群成员 /conversations/member/remove DELETE."""

    @pytest.mark.parametrize("user", [BOB, CAROL])
    def test_the_owner_removes_admins_and_members(
        self, alice: ApiClient, group: int, user: int
    ) -> None:
        reply = alice.delete(REMOVE_PATH, json=make_body(group, user))

        assert is_success(reply, "移除群成员成功")
        assert user not in get_roles(alice, group)

    def test_an_admin_removes_a_plain_member(self, bob: ApiClient, group: int) -> None:
        bob.delete(REMOVE_PATH, json=make_body(group, CAROL))
        assert get_roles(bob, group) == {ALICE: 1, BOB: 2}

    def test_a_removed_member_loses_access_at_once(
        self, alice: ApiClient, carol: ApiClient, group: int
    ) -> None:
        alice.delete(REMOVE_PATH, json=make_body(group, CAROL))
        reply = carol.get("/conversations/messages", json={"conversationId": group})
        assert_error(reply, errors.NOT_IN_CONVERSATION_ZH)

    def test_a_deleted_member_can_be_removed(
        self, app: Flask, alice: ApiClient, group: int
    ) -> None:
        make_account(app, CAROL, "Carol", version=2, deleted=True)
        assert alice.delete(REMOVE_PATH, json=make_body(group, CAROL)).status_code == 200

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        reply = alice.delete(REMOVE_PATH, json=make_body(UNKNOWN_ID, UNKNOWN_ID))
        assert_error(reply, errors.CONVERSATION_NOT_FOUND)

    @pytest.mark.parametrize("who", ["carol", "dave"])
    def test_members_and_strangers_have_no_permission(
        self, request: pytest.FixtureRequest, who: str, group: int
    ) -> None:
        caller: ApiClient = request.getfixturevalue(who)
        assert_error(
            caller.delete(REMOVE_PATH, json=make_body(group, UNKNOWN_ID)), errors.MAY_NOT_REMOVE
        )

    def test_a_private_conversation_has_no_owner(self, alice: ApiClient, private: int) -> None:
        assert_error(alice.delete(REMOVE_PATH, json=make_body(private, BOB)), errors.MAY_NOT_REMOVE)

    def test_user_not_found(self, alice: ApiClient, group: int) -> None:
        assert_error(
            alice.delete(REMOVE_PATH, json=make_body(group, UNKNOWN_ID)), errors.USER_NOT_FOUND
        )

    def test_user_not_in_conversation(self, alice: ApiClient, group: int) -> None:
        reply = alice.delete(REMOVE_PATH, json=make_body(group, DAVE))
        assert_error(reply, errors.USER_NOT_IN_CONVERSATION)

    @pytest.mark.parametrize("user", [ALICE, BOB])
    def test_an_admin_removes_neither_the_owner_nor_an_admin(
        self, bob: ApiClient, group: int, user: int
    ) -> None:
        reply = bob.delete(REMOVE_PATH, json=make_body(group, user))
        assert_error(reply, errors.ONLY_OWNER_REMOVES_ADMINS)

    def test_the_owner_cannot_remove_themselves(self, alice: ApiClient, group: int) -> None:
        reply = alice.delete(REMOVE_PATH, json=make_body(group, ALICE))
        assert_error(reply, errors.OWNER_CANNOT_REMOVE_SELF)

    def test_the_query_string_wins_over_the_body(self, alice: ApiClient, group: int) -> None:
        alice.delete(f"{REMOVE_PATH}?user={CAROL}", json=make_body(group, BOB))
        assert get_roles(alice, group) == {ALICE: 1, BOB: 2}
