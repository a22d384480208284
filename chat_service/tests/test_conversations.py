"""Listing conversations, creating groups (获取聊天界面 /conversations), and listing members."""

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    get_conversation,
    hide_messages,
    list_conversations,
    list_messages,
    make_private,
    send_image,
    send_text,
)
from chat_service.tests.factories import befriend, make_account, make_group
from shared.testing.cast import ALICE, BOB, CAROL, DAVE, signed_in
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.contracts import state
from shared.testing.fake_services import FakeService
from shared.web.errors import BAD_PARAMETER

pytestmark = pytest.mark.database

ERIN = 5


def create_group(caller: ApiClient, *members: int, name: str = "Chess") -> Reply:
    return caller.post("/conversations", json={"members": members, "name": name})


def get_members(caller: ApiClient, conversation: int) -> Reply:
    return caller.get("/conversations/get_members", query_string={"conversation_id": conversation})


def list_conversation_ids(caller: ApiClient) -> list[int]:
    return [row["id"] for row in list_conversations(caller)]


class TestList:
    """获取会话列表 /conversations GET."""

    def test_a_user_without_conversations_has_an_empty_list(self, alice: ApiClient) -> None:
        reply = alice.get("/conversations")
        assert reply.json == {"code": 0, "info": "success", "conversation": []}

    def test_a_new_private_conversation_has_the_friends_name_and_picture(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        make_account(app, BOB, "Bob", version=2, avatar_digest="d1")
        conversation = make_private(app, alice, bob)
        assert list_conversations(alice) == [
            {
                "id": conversation,
                "name": "Bob",
                "avatar": f"http://localhost/account/avatar/{BOB}/d1",
                "is_chat_group": False,
                "friend_id": BOB,
                "last_message": "",
                "last_message_time": "",
                "last_message_type": 0,
                "last_message_id": 0,
                "is_top": False,
                "notice_able": True,
                "unread_count": 0,
                "version": 0,
            }
        ]

    def test_a_friend_has_the_current_name(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        conversation = make_private(app, alice, bob)
        make_account(app, BOB, "Bobby", version=2)
        assert get_conversation(alice, conversation)["name"] == "Bobby"

    def test_the_conversation_with_a_deleted_friend_remains(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        conversation = make_private(app, alice, bob)
        make_account(app, BOB, "Bob", version=2, deleted=True)
        assert get_conversation(alice, conversation)["name"] == "Bob"

    def test_an_unknown_friend_is_fetched_from_auth(
        self, app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
    ) -> None:
        befriend(app, ALICE, ERIN)
        erin = state("account", id=ERIN, name="Erin")
        fake_services["auth"].responses["/internal/accounts/find"] = {"accounts": [erin]}
        assert [row["name"] for row in list_conversations(alice)] == ["Erin"]

    def test_a_friend_unknown_to_auth_has_an_empty_name(self, app: Flask, alice: ApiClient) -> None:
        befriend(app, ALICE, ERIN)
        assert [(row["name"], row["avatar"]) for row in list_conversations(alice)] == [("", "")]

    def test_a_group_has_its_own_name_and_no_friend(self, app: Flask, alice: ApiClient) -> None:
        make_group(app, ALICE, BOB, name="Chess")
        [row] = list_conversations(alice)
        assert (row["name"], row["avatar"], row["is_chat_group"]) == ("Chess", "", True)
        assert "friend_id" not in row

    def test_the_last_message_is_shown(self, app: Flask, alice: ApiClient, bob: ApiClient) -> None:
        group = make_group(app, ALICE, BOB)
        send_text(bob, group, "first")
        last_id = send_text(bob, group, "second")
        row = get_conversation(alice, group)
        [_, last] = list_messages(alice, group)
        assert (row["last_message"], row["last_message_id"]) == ("second", last_id)
        assert (row["last_message_type"], row["last_message_time"]) == (0, last["created_time"])

    def test_a_last_message_that_is_an_image_is_shown_by_its_url(
        self, app: Flask, alice: ApiClient
    ) -> None:
        group = make_group(app, ALICE)
        send_image(alice, group)
        row = get_conversation(alice, group)
        assert row["last_message_type"] == 1
        assert row["last_message"].startswith("http://localhost/media/")

    def test_a_deleted_message_is_not_the_last_message(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        group = make_group(app, ALICE, BOB)
        send_text(bob, group, "first")
        delete_message(bob, send_text(bob, group, "second"))
        assert get_conversation(alice, group)["last_message"] == "first"

    def test_deleting_the_only_message_leaves_no_last_message(
        self, app: Flask, alice: ApiClient
    ) -> None:
        group = make_group(app, ALICE)
        before = get_conversation(alice, group)
        delete_message(alice, send_text(alice, group))
        assert get_conversation(alice, group) == {**before, "version": 2}

    def test_a_hidden_message_is_not_the_last_message_for_the_user(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        group = make_group(app, ALICE, BOB)
        send_text(bob, group, "first")
        hide_messages(alice, send_text(bob, group, "second"))
        last = [get_conversation(who, group)["last_message"] for who in (alice, bob)]
        assert last == ["first", "second"]

    def test_pinned_conversations_are_first_then_the_newest(
        self, app: Flask, alice: ApiClient
    ) -> None:
        one, two, three, four = (make_group(app, ALICE) for _ in range(4))
        send_text(alice, two)
        send_text(alice, one)
        alice.post("/interface", json={"conversationId": three, "ontop": True})
        assert list_conversation_ids(alice) == [three, one, two, four]

    def test_the_pin_of_another_user_has_no_effect(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        one, two = (make_group(app, ALICE, BOB) for _ in range(2))
        bob.post("/interface", json={"conversationId": one, "ontop": True})
        assert list_conversation_ids(alice) == [two, one]

    def test_conversations_of_other_users_are_not_listed(
        self, app: Flask, carol: ApiClient
    ) -> None:
        make_group(app, ALICE, BOB)
        befriend(app, ALICE, BOB)
        assert list_conversations(carol) == []


class TestCreate:
    """创建会话 /conversations POST."""

    @pytest.fixture(autouse=True)
    def _friends(self, app: Flask) -> None:
        befriend(app, ALICE, BOB)
        befriend(app, ALICE, CAROL)

    def test_a_group_of_friends_is_created(self, alice: ApiClient, carol: ApiClient) -> None:
        reply = create_group(alice, BOB, CAROL)
        group = reply.json.pop("conversation_id")
        assert reply.json == {"code": 0, "info": "success", "message": "创建会话成功"}
        assert get_conversation(carol, group)["name"] == "Chess"
        assert get_conversation(carol, group)["is_chat_group"]

    def test_the_creator_is_the_owner_and_the_others_are_members(self, alice: ApiClient) -> None:
        group = create_group(alice, BOB, CAROL).json["conversation_id"]
        members = get_members(alice, group).json["members"]
        assert [(m["id"], m["identity"]) for m in members] == [(ALICE, 1), (BOB, 3), (CAROL, 3)]

    def test_a_group_with_one_friend_is_created(self, alice: ApiClient) -> None:
        group = create_group(alice, BOB).json["conversation_id"]
        assert get_conversation(alice, group)["is_chat_group"]

    def test_repeats_and_the_caller_are_ignored(self, alice: ApiClient) -> None:
        group = create_group(alice, BOB, ALICE, BOB).json["conversation_id"]
        assert [m["id"] for m in get_members(alice, group).json["members"]] == [ALICE, BOB]

    def test_a_group_of_the_caller_alone_is_refused(self, alice: ApiClient) -> None:
        assert_error(create_group(alice, ALICE), BAD_PARAMETER, field="members")

    def test_a_name_may_have_a_hundred_characters(self, alice: ApiClient) -> None:
        group = create_group(alice, BOB, name="長" * 100).json["conversation_id"]
        assert get_conversation(alice, group)["name"] == "長" * 100

    def test_an_unknown_member_is_refused(self, alice: ApiClient) -> None:
        assert_error(create_group(alice, BOB, 999), errors.MEMBER_UNKNOWN)

    def test_a_deleted_friend_is_refused(self, app: Flask, alice: ApiClient) -> None:
        make_account(app, BOB, "Bob", version=2, deleted=True)
        assert_error(create_group(alice, BOB), errors.MEMBER_UNKNOWN)

    def test_a_member_who_is_no_friend_is_refused(self, alice: ApiClient) -> None:
        assert_error(create_group(alice, BOB, DAVE), errors.NOT_FRIEND)

    def test_a_former_friend_is_refused(self, app: Flask, alice: ApiClient) -> None:
        befriend(app, ALICE, BOB, active=False, version=2)
        assert_error(create_group(alice, BOB), errors.NOT_FRIEND)

    def test_an_unknown_member_is_refused_before_one_who_is_no_friend(
        self, alice: ApiClient
    ) -> None:
        assert_error(create_group(alice, DAVE, 999), errors.MEMBER_UNKNOWN)

    def test_a_refused_group_is_not_created(self, alice: ApiClient) -> None:
        before = list_conversation_ids(alice)
        create_group(alice, BOB, DAVE)
        assert list_conversation_ids(alice) == before


class TestMembers:
    """/conversations/get_members, which the existing client calls."""

    def test_members_of_a_group_are_listed_by_role(self, app: Flask, bob: ApiClient) -> None:
        group = make_group(app, CAROL, ALICE, DAVE, admins=(BOB,))
        make_account(app, DAVE, "Dave", version=2, avatar_digest="d4")
        reply = get_members(bob, group)
        picture = f"http://localhost/account/avatar/{DAVE}/d4"
        assert reply.json == {
            "code": 0,
            "info": "Succeed",
            "identity": 2,
            "members": [
                {"id": CAROL, "name": "Carol", "avatar": "", "identity": 1},
                {"id": BOB, "name": "Bob", "avatar": "", "identity": 2},
                {"id": ALICE, "name": "Alice", "avatar": "", "identity": 3},
                {"id": DAVE, "name": "Dave", "avatar": picture, "identity": 3},
            ],
        }

    def test_the_friend_is_listed_of_a_private_conversation(
        self, app: Flask, alice: ApiClient, bob: ApiClient
    ) -> None:
        reply = get_members(alice, make_private(app, alice, bob))
        friend = {"id": BOB, "name": "Bob", "avatar": ""}
        assert reply.json == {"code": 0, "info": "Succeed", "members": [friend]}

    def test_conversation_not_found(self, alice: ApiClient) -> None:
        assert_error(get_members(alice, 999), errors.CONVERSATION_NOT_FOUND)

    def test_the_conversation_is_not_found_for_a_stranger(
        self, app: Flask, dave: ApiClient
    ) -> None:
        group = make_group(app, ALICE, BOB)
        assert_error(get_members(dave, group), errors.CONVERSATION_NOT_FOUND)


def test_csrf_sets_another_cookie_each_time_and_needs_no_token(anonymous: ApiClient) -> None:
    first, second = (anonymous.get("/csrf") for _ in range(2))
    assert first.json == {"code": 0, "info": "Succeed"}
    assert first.headers["Set-Cookie"].startswith("csrftoken=")
    assert first.headers["Set-Cookie"] != second.headers["Set-Cookie"]


def test_the_list_has_all_conversations(app: Flask) -> None:
    for member in range(20, 30):
        make_group(app, ERIN, member)
    make_account(app, ERIN, "Erin")
    assert len(list_conversations(signed_in(app, ERIN))) == 10
