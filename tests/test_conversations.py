"""在线会话: the list of conversations, making one, and one's own settings of it."""

from typing import Any

import pytest

from tests.people import (
    UNKNOWN,
    Person,
    befriend,
    contents,
    conversation,
    conversations,
    done,
    make_group,
    members,
    messages,
    private_chat,
    send,
)
from tests.shapes import A_TIME, AN_ID, assert_shows


def settings(person: Person, conversation_id: int) -> tuple[int, bool, bool]:
    found = done(person.get("/interface", conversation_id=conversation_id))
    return found["unreads"], found["notification"], found["ontop"]


def unread(person: Person, conversation_id: int) -> int:
    count: int = conversation(person, conversation_id)["unread_count"]
    return count


def ids(person: Person) -> list[int]:
    return [each["id"] for each in conversations(person)]


# 获取聊天界面/conversations: 获取会话列表


def test_without_conversations_the_list_is_empty(alice: Person) -> None:
    assert alice.get("/conversations") == (200, {"code": 0, "info": "success", "conversation": []})


def test_a_group_is_listed_with_its_last_message(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob, name="Trip")
    message_id = send(bob, group, "Where to?")
    private = private_chat(alice, bob)

    [listed, _] = conversations(alice)

    assert (
        listed.items()
        >= {
            "id": group,
            "name": "Trip",
            "avatar": "",
            "last_message": "Where to?",
            "last_message_time": A_TIME,
            "last_message_type": 0,
            "last_message_id": message_id,
            "is_chat_group": True,
            "is_top": False,
            "notice_able": True,
            "unread_count": 1,
        }.items()
    )
    assert "friend_id" not in listed
    assert ids(alice) == [group, private]


def test_a_conversation_without_messages_says_so(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    listed = conversation(alice, group)

    assert (listed["last_message"], listed["last_message_time"]) == ("", "")
    assert listed["last_message_type"] == 0


def test_pinned_conversations_come_first_then_the_newest_activity(
    alice: Person, bob: Person
) -> None:
    befriend(alice, bob)
    private = private_chat(alice, bob)
    first, second, third = (make_group(alice, bob, name=name) for name in "123")
    done(alice.post("/interface", conversationId=second, ontop=True))

    send(bob, first)

    assert ids(alice) == [second, first, third, private]


def test_a_private_conversation_is_named_after_the_friend(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    private = private_chat(alice, bob)

    done(bob.put("/account/info", origin_password=bob.password, name="Robert", avatar="builtin"))

    listed = conversation(alice, private)
    assert (listed["name"], listed["avatar"], listed["friend_id"]) == ("Robert", "builtin", bob.id)


def test_a_private_conversation_with_a_deleted_friend_stays(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    private = private_chat(alice, bob)
    send(bob, private, "Bye")

    done(bob.delete("/account/delete"))

    assert conversation(alice, private)["last_message"] == "Bye"


# 获取聊天界面/conversations: 创建会话


def test_making_a_group_answers_so(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    reply = alice.post("/conversations", members=[bob.id], name="Trip")

    assert_shows(reply, info="success", message="创建会话成功", conversation_id=AN_ID)


def test_the_maker_of_a_group_owns_it(alice: Person, bob: Person, carol: Person) -> None:
    befriend(alice, bob, carol)

    group = make_group(alice, bob, carol)

    assert members(bob, group) == {alice.id: 1, bob.id: 3, carol.id: 3}


def test_a_group_of_two_is_a_group(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    group = make_group(alice, bob)

    assert conversation(alice, group)["is_chat_group"] is True


def test_oneself_and_repeats_among_the_members_are_ignored(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    group = make_group(alice, bob, alice, bob)

    assert members(alice, group) == {alice.id: 1, bob.id: 3}


def test_members_may_be_named_by_decimal_strings(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    reply = alice.post("/conversations", members=[str(bob.id)], name="Trip")

    assert members(bob, done(reply)["conversation_id"]) == {alice.id: 1, bob.id: 3}


@pytest.mark.parametrize("name", ["n", "n" * 100, "名" * 100, "<script>", "'; --"])
def test_a_groups_name_has_1_to_100_characters(alice: Person, bob: Person, name: str) -> None:
    befriend(alice, bob)

    group = make_group(alice, bob, name=name)

    assert conversation(bob, group)["name"] == name


def test_a_refused_group_is_not_made(alice: Person, bob: Person, carol: Person) -> None:
    befriend(alice, bob)
    before = ids(bob)

    alice.post("/conversations", members=[bob.id, carol.id], name="Trip")

    assert ids(bob) == before


# 会话管理/interface


def test_the_settings_of_a_new_conversation(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    assert_shows(
        bob.get("/interface", conversation_id=group),
        info="Succeed",
        unreads=0,
        notification=True,
        ontop=False,
    )


def test_changing_settings_answers_without_a_message(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    reply = alice.post(
        "/interface", conversationId=str(group), ontop=True, notification=False, unreads="7"
    )

    assert reply == (200, {"code": 0, "info": "Succeed"})
    assert settings(alice, group) == (7, False, True)


def test_settings_are_ones_own(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    done(alice.post("/interface", conversationId=group, ontop=True, notification=False, unreads=7))

    assert settings(bob, group) == (0, True, False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (3, False, True)),
        ({"ontop": False}, (3, False, False)),
        ({"notification": True}, (3, True, True)),
        ({"unreads": 0}, (0, False, True)),
        ({"ontop": None, "notification": None, "unreads": None}, (3, False, True)),
    ],
)
def test_settings_that_are_not_given_stay(
    alice: Person, bob: Person, given: dict[str, Any], expected: tuple[int, bool, bool]
) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    done(alice.post("/interface", conversationId=group, ontop=True, notification=False, unreads=3))

    done(alice.post("/interface", conversationId=group, **given))

    assert settings(alice, group) == expected


@pytest.mark.parametrize(
    ("given", "count"),
    [(0, 0), (5, 5), ("12", 12), (999_999, 999_999), ("999999", 999_999), (True, 1), (False, 0)],
)
def test_the_count_of_unread_messages_can_be_set(
    alice: Person, bob: Person, given: object, count: int
) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    send(bob, group)

    done(alice.post("/interface", conversationId=group, unreads=given))

    assert (settings(alice, group)[0], unread(alice, group)) == (count, count)


def test_messages_after_the_set_count_are_added_to_it(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    done(alice.post("/interface", conversationId=group, unreads=5))

    send(bob, group)

    assert unread(alice, group) == 6


def test_setting_the_count_takes_no_receipt_back(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    message_id = send(bob, group)
    messages(alice, group)

    done(alice.post("/interface", conversationId=group, unreads=1))

    readers = done(bob.post("/conversations/readlist", message_id=message_id))["read_users"]
    assert [each["id"] for each in readers] == [alice.id]


def test_clearing_the_count_reads_nothing(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    message_id = send(bob, group)

    done(alice.post("/interface", conversationId=group, unreads=0))

    readers = done(bob.post("/conversations/readlist", message_id=message_id))["read_users"]
    assert readers == []


# Unread counts


def test_unread_are_the_messages_of_others_since_one_last_read(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    send(alice, group)
    send(bob, group)
    send(bob, group)

    assert (unread(alice, group), unread(bob, group)) == (2, 0)


def test_fetching_messages_reads_them(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    send(bob, group)

    messages(alice, group)

    assert (unread(alice, group), settings(alice, group)[0]) == (0, 0)


def test_fetching_some_messages_reads_up_to_the_newest_of_them(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    sent = [send(bob, group) for _ in range(5)]

    messages(alice, group, before_id=sent[2])

    assert unread(alice, group) == 3


def test_sending_reads_as_well(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    send(bob, group)

    send(alice, group)

    assert unread(alice, group) == 0


def test_looking_at_lists_reads_nothing(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    send(bob, group)

    alice.get("/conversations")
    alice.get("/interface", conversation_id=group)
    alice.get("/conversations/manage_messages", conversationId=group)

    assert unread(alice, group) == 1


def test_a_message_deleted_for_everybody_is_no_longer_unread(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    first, second = send(bob, group), send(bob, group)

    done(bob.delete("/conversations/messages", message_id=first))

    assert unread(alice, group) == 1
    assert conversation(alice, group)["last_message_id"] == second


def test_a_read_message_that_is_deleted_changes_no_count(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    first = send(bob, group)
    messages(alice, group)
    send(bob, group)

    done(bob.delete("/conversations/messages", message_id=first))

    assert unread(alice, group) == 1


def test_a_message_that_one_deleted_for_oneself_is_no_longer_unread(
    alice: Person, bob: Person
) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    first, second = send(bob, group), send(bob, group)

    done(alice.delete("/conversations/delete_messages", message_ids=[first]))
    done(bob.delete("/conversations/messages", message_id=first))

    assert (unread(alice, group), contents(alice, group)) == (1, ["hello"])
    assert conversation(alice, group)["last_message_id"] == second


def test_a_new_member_has_nothing_unread_and_sees_everything(
    alice: Person, bob: Person, carol: Person
) -> None:
    befriend(alice, bob, carol)
    group = make_group(alice, bob)
    message_id = send(alice, group, "before")
    done(alice.post("/conversations/member/add", conversationId=group, member_id=carol.id))
    [invitation] = done(alice.get(f"/conversations/{group}/invitation"))["invitation"]
    done(alice.post("/conversations/manage/handle_invitation", invite_id=invitation["invite_id"]))

    readers = done(alice.post("/conversations/readlist", message_id=message_id))["read_users"]

    assert (unread(carol, group), readers) == (0, [])
    assert contents(carol, group) == ["before"]


# A closed private conversation


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_closed_private_conversation_is_not_found_by_either(
    alice: Person, bob: Person, who: str
) -> None:
    befriend(alice, bob)
    private = private_chat(alice, bob)
    message_id = send(alice, private)
    done(alice.delete("/manage_friends", friend_id=bob.id))
    person = {"alice": alice, "bob": bob}[who]

    gone = [
        person.get("/conversations/messages", conversationId=private),
        person.get("/interface", conversation_id=private),
        person.post("/conversations/messages", conversationId=private, content="hello"),
        person.get("/conversations/get_members", conversation_id=private),
        person.get("/conversations/get_reply", message_id=message_id),
    ]

    assert gone == [
        person.get("/conversations/messages", conversationId=UNKNOWN),
        person.get("/interface", conversation_id=UNKNOWN),
        person.post("/conversations/messages", conversationId=UNKNOWN, content="hello"),
        person.get("/conversations/get_members", conversation_id=UNKNOWN),
        person.get("/conversations/get_reply", message_id=UNKNOWN),
    ]


# What the existing web client also calls: /conversations/get_members


def test_the_members_of_a_group_come_with_ones_own_identity(
    alice: Person, bob: Person, carol: Person
) -> None:
    befriend(alice, bob, carol)
    group = make_group(alice, bob, carol)
    done(alice.post("/conversations/manage/admin", conversation_id=group, user=carol.id))

    assert_shows(
        carol.get("/conversations/get_members", conversation_id=group),
        identity=2,
        members=[
            {"id": alice.id, "name": "Alice", "avatar": "", "identity": 1},
            {"id": carol.id, "name": "Carol", "avatar": "", "identity": 2},
            {"id": bob.id, "name": "Bob", "avatar": "", "identity": 3},
        ],
    )


def test_the_members_of_a_private_conversation_are_the_other_one(
    alice: Person, bob: Person
) -> None:
    befriend(alice, bob)
    private = private_chat(alice, bob)

    reply = alice.get("/conversations/get_members", conversation_id=private)

    assert_shows(reply, members=[{"id": bob.id, "name": "Bob", "avatar": ""}])
    assert "identity" not in reply.body


def test_csrf_sets_a_random_cookie_and_needs_no_token(alice: Person) -> None:
    alice.token = None

    first, second = (alice.fetch("GET", "/csrf") for _ in range(2))

    assert first.status_code == 200
    assert len(first.cookies["csrftoken"]) > 16
    assert first.cookies["csrftoken"] != second.cookies["csrftoken"]
