"""The section 好友关系: looking for people, asking them, friends, and groups of friends."""

from typing import Any

import pytest

from tests.people import (
    Person,
    Reply,
    accept,
    befriend,
    contents,
    conversations,
    done,
    make_friend_group,
    newcomer,
    private_chat,
    refused,
    send,
)
from tests.shapes import A_TIME, AN_ID, assert_shows


def handle(method: str, receiver: Person, sender: Person) -> Reply:
    pair = {"sender_user_id": sender.id, "receiver_user_id": receiver.id}
    return receiver.call(method, "/friend_request_handle", json=pair)


def ask(sender: Person, receiver: Person, message: str = "") -> Reply:
    return sender.post("/add_friend", target_id=receiver.id, message=message)


def requests_to(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done(person.get("/friend_requests"))["requests"]
    return found


def statuses(person: Person) -> list[int]:
    return [each["status"] for each in requests_to(person)]


def friends(person: Person) -> list[int]:
    return [each["id"] for each in done(person.get("/friends"))["friends"]]


def group_names(person: Person) -> list[str]:
    return [each["name"] for each in done(person.get("/groups"))["groups"]]


def members_of(owner: Person, group_id: int) -> list[int]:
    return [each["id"] for each in done(owner.get("/groups/members", group_id=group_id))["members"]]


def shown(person: Person, *, deleted: bool = False) -> dict[str, Any]:
    """A person as lists of friends show him."""
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "avatar": "",
        "deleted": deleted,
    }


# 用户查找/search_user


def test_search_finds_everybody_of_exactly_that_name_by_id(base_url: str, alice: Person) -> None:
    name = f"S{alice.id}"
    friend, stranger, deleted = (newcomer(base_url, name) for _ in range(3))
    newcomer(base_url, f"{name}x")
    befriend(alice, friend)
    done(deleted.delete("/account/delete"))

    assert_shows(
        alice.get("/search_user", query_name=name),
        info="success",
        results=[
            {
                "user_id": person.id,
                "name": name,
                "email": person.email,
                "avatar": "",
                "is_friend": person is friend,
                "deleted": person is deleted,
            }
            for person in (friend, stranger, deleted)
        ],
    )


def test_search_finds_the_caller_who_is_not_his_own_friend(base_url: str) -> None:
    alice = newcomer(base_url, "Unique-5f2c")

    results = done(alice.get("/search_user", query_name=alice.name))["results"]

    assert [each["is_friend"] for each in results if each["user_id"] == alice.id] == [False]


@pytest.mark.parametrize("name", ["nobody-has-this", "%", "_", "'", "\\", "n" * 300])
def test_search_for_a_name_that_nobody_has_finds_nobody(alice: Person, name: str) -> None:
    reply = alice.get("/search_user", query_name=name)

    assert reply == (200, {"code": 0, "info": "success", "results": []})


# 好友申请/add_friend, 好友申请列表/friend_requests


def test_asking_answers_so(alice: Person, bob: Person) -> None:
    expected = {"code": 0, "info": "success", "message": "申请成功"}

    assert ask(alice, bob, "Hello") == (200, expected)


def test_a_request_reaches_the_receiver(alice: Person, bob: Person) -> None:
    ask(alice, bob, "Hello")

    assert_shows(
        bob.get("/friend_requests"),
        info="success",
        requests=[
            {
                "sender_user_id": alice.id,
                "receiver_user_id": bob.id,
                "user_email": alice.email,
                "user_name": "Alice",
                "avatar": "",
                "message": "Hello",
                "created_at": A_TIME,
                "status": 0,
            }
        ],
    )


def test_without_requests_the_list_is_empty(alice: Person, bob: Person) -> None:
    ask(alice, bob)

    assert alice.get("/friend_requests") == (200, {"code": 0, "info": "success", "requests": []})


def test_requests_come_newest_first(alice: Person, bob: Person, carol: Person) -> None:
    ask(carol, alice)
    ask(bob, alice)

    assert [each["sender_user_id"] for each in requests_to(alice)] == [bob.id, carol.id]


@pytest.mark.parametrize("message", ["", "m" * 255, "言" * 255])
def test_a_request_has_a_message_of_up_to_255(alice: Person, bob: Person, message: str) -> None:
    done(ask(alice, bob, message))

    assert requests_to(bob)[0]["message"] == message


def test_a_request_needs_no_message(alice: Person, bob: Person) -> None:
    done(alice.post("/add_friend", target_id=bob.id))

    assert requests_to(bob)[0]["message"] == ""


def test_crosswise_requests_both_wait(alice: Person, bob: Person) -> None:
    ask(alice, bob)
    done(ask(bob, alice))

    assert (statuses(alice), statuses(bob)) == ([0], [0])


def test_after_a_rejection_a_new_request_replaces_the_old_one(alice: Person, bob: Person) -> None:
    ask(alice, bob, "first")
    handle("DELETE", bob, alice)

    done(ask(alice, bob, "second"))

    assert [(each["message"], each["status"]) for each in requests_to(bob)] == [("second", 0)]


def test_ended_friends_may_ask_again(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    done(alice.delete("/manage_friends", friend_id=bob.id))

    assert (requests_to(alice), ask(bob, alice).status, statuses(alice)) == ([], 200, [0])


# 处理好友申请/friend_request_handle


def test_accepting_answers_so(alice: Person, bob: Person) -> None:
    ask(alice, bob)

    expected = {"code": 0, "info": "success", "message": "已接受该好友申请"}
    assert handle("POST", bob, alice) == (200, expected)


def test_accepting_makes_friends_of_both(alice: Person, bob: Person) -> None:
    ask(alice, bob)
    accept(bob, alice)

    assert (friends(alice), friends(bob), statuses(bob)) == ([bob.id], [alice.id], [1])


def test_accepting_settles_the_crosswise_request(alice: Person, bob: Person) -> None:
    ask(alice, bob)
    ask(bob, alice)

    accept(bob, alice)

    assert (statuses(bob), statuses(alice)) == ([1], [3])


def test_rejecting_answers_so(alice: Person, bob: Person) -> None:
    ask(alice, bob)

    expected = {"code": 0, "info": "success", "message": "已拒绝该好友申请"}
    assert handle("DELETE", bob, alice) == (200, expected)


def test_rejecting_makes_no_friends(alice: Person, bob: Person) -> None:
    ask(alice, bob)
    handle("DELETE", bob, alice)

    assert (friends(alice), friends(bob), statuses(bob)) == ([], [], [2])


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_rejected_request_is_no_longer_there_to_handle(
    alice: Person, bob: Person, method: str
) -> None:
    ask(alice, bob)
    handle("DELETE", bob, alice)

    assert handle(method, bob, alice) == refused(403, -5, "Request not found")


def test_a_request_can_be_rejected_by_query_string(alice: Person, bob: Person) -> None:
    ask(alice, bob)
    pair = {"sender_user_id": alice.id, "receiver_user_id": bob.id}

    assert bob.call("DELETE", "/friend_request_handle", params=pair).status == 200


def test_friends_have_a_private_conversation_at_once(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    assert_shows(
        bob.get("/conversations"),
        info="success",
        conversation=[
            {
                "id": private_chat(alice, bob),
                "name": "Alice",
                "avatar": "",
                "last_message": "",
                "last_message_time": "",
                "is_chat_group": False,
                "friend_id": alice.id,
                "is_top": False,
                "notice_able": True,
                "unread_count": 0,
            }
        ],
    )


# 分组管理/groups


def test_without_groups_the_list_is_empty(alice: Person) -> None:
    assert alice.get("/groups") == (200, {"code": 0, "info": "success", "groups": []})


def test_making_a_group_answers_so(alice: Person) -> None:
    expected = {"code": 0, "info": "success", "message": "分组创建成功"}

    reply = alice.post("/groups", name="Family")

    assert_shows(reply, info="success", message="分组创建成功")
    assert expected.items() <= reply.body.items()


def test_a_made_group_is_listed(alice: Person) -> None:
    make_friend_group(alice, "Family")

    listed = alice.get("/groups")

    assert_shows(listed, info="success", groups=[{"id": AN_ID, "name": "Family"}])


@pytest.mark.parametrize("name", ["n", "n" * 100, "名" * 100, "😀" * 100])
def test_a_groups_name_has_1_to_100_characters(alice: Person, name: str) -> None:
    done(alice.post("/groups", name=name))

    assert group_names(alice) == [name]


def test_two_people_may_have_groups_of_one_name(alice: Person, bob: Person) -> None:
    make_friend_group(alice, "Family")

    assert bob.post("/groups", name="Family").status == 200


# 分组操作/groups/manage_groups


def test_a_groups_details_show_its_members_by_id(alice: Person, bob: Person, carol: Person) -> None:
    befriend(alice, carol, bob)
    group_id = make_friend_group(alice, "Family", carol, bob)
    done(bob.delete("/account/delete"))

    assert_shows(
        alice.get("/groups/manage_groups", group_id=group_id),
        info="success",
        group={
            "id": group_id,
            "name": "Family",
            "members": sorted(
                [shown(bob, deleted=True), shown(carol)], key=lambda member: member["id"]
            ),
        },
    )


def test_renaming_a_group_answers_so(alice: Person) -> None:
    group_id = make_friend_group(alice, "Family")

    reply = alice.put("/groups/manage_groups", group_id=group_id, new_name="Home")

    assert reply == (200, {"code": 0, "info": "success", "message": "修改分组名称成功"})
    assert group_names(alice) == ["Home"]


def test_renaming_a_group_to_its_own_name_succeeds(alice: Person) -> None:
    group_id = make_friend_group(alice, "Family")

    reply = alice.put("/groups/manage_groups", group_id=group_id, new_name="Family")

    assert reply.status == 200


def test_deleting_a_group_answers_so(alice: Person) -> None:
    group_id = make_friend_group(alice, "Family")

    reply = alice.delete("/groups/manage_groups", group_id=group_id)

    assert reply == (200, {"code": 0, "info": "success", "message": "删除分组成功"})
    assert group_names(alice) == []


def test_deleting_a_group_leaves_the_friends(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group_id = make_friend_group(alice, "Family", bob)

    done(alice.delete("/groups/manage_groups", group_id=group_id))

    assert friends(alice) == [bob.id]


def test_the_name_of_a_deleted_group_is_free(alice: Person) -> None:
    group_id = make_friend_group(alice, "Family")
    done(alice.delete("/groups/manage_groups", group_id=group_id))

    assert alice.post("/groups", name="Family").status == 200


# 组内成员管理/groups/members


def test_the_members_of_a_group_are_listed_by_id(alice: Person, bob: Person, carol: Person) -> None:
    befriend(alice, carol, bob)
    group_id = make_friend_group(alice, "Family", carol, bob)

    assert_shows(
        alice.get("/groups/members", group_id=group_id),
        info="success",
        members=sorted([shown(bob), shown(carol)], key=lambda member: member["id"]),
    )


def test_adding_a_member_answers_so(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group_id = make_friend_group(alice, "Family")

    reply = alice.post("/groups/members", group_id=group_id, member_id=bob.id)

    assert reply == (200, {"code": 0, "info": "success", "message": "添加分组成员成功"})


def test_removing_a_member_answers_so(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group_id = make_friend_group(alice, "Family", bob)

    reply = alice.delete("/groups/members", group_id=group_id, member_id=bob.id)

    assert reply == (200, {"code": 0, "info": "success", "message": "删除分组成员成功"})
    assert (members_of(alice, group_id), friends(alice)) == ([], [bob.id])


def test_a_friend_may_be_in_several_groups(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    groups = [make_friend_group(alice, name, bob) for name in ("Family", "Work")]

    assert [members_of(alice, group_id) for group_id in groups] == [[bob.id], [bob.id]]


# 好友列表/friends


def test_without_friends_the_list_is_empty(alice: Person) -> None:
    assert alice.get("/friends") == (200, {"code": 0, "info": "success", "friends": []})


def test_friends_are_listed_by_id_the_deleted_flagged(
    alice: Person, bob: Person, carol: Person
) -> None:
    befriend(alice, carol, bob)
    done(carol.delete("/account/delete"))

    assert_shows(
        alice.get("/friends"),
        info="success",
        friends=sorted([shown(bob), shown(carol, deleted=True)], key=lambda friend: friend["id"]),
    )


# 好友操作/manage_friends


def test_a_friends_details_show_the_groups_he_is_in(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    family = make_friend_group(alice, "Family", bob)
    make_friend_group(alice, "Work")
    make_friend_group(bob, "His", alice)
    done(bob.put("/account/info", origin_password=bob.password, user_info="About Bob"))

    assert_shows(
        alice.get("/manage_friends", friend_id=bob.id),
        info="success",
        **shown(bob),
        user_info="About Bob",
        groups=[{"id": family, "name": "Family"}],
    )


def test_ending_a_friendship_answers_so(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    reply = alice.delete("/manage_friends", friend_id=bob.id)

    assert reply == (200, {"code": 0, "info": "success", "message": "删除好友成功"})


def test_a_friendship_ends_for_both(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    his = make_friend_group(bob, "His", alice)
    hers = make_friend_group(alice, "Hers", bob)

    done(bob.delete("/manage_friends", friend_id=alice.id))

    assert (friends(alice), friends(bob)) == ([], [])
    assert (members_of(bob, his), members_of(alice, hers)) == ([], [])
    assert (conversations(alice), conversations(bob)) == ([], [])


def test_a_friendship_with_a_deleted_account_can_be_ended(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    done(bob.delete("/account/delete"))

    done(alice.delete("/manage_friends", friend_id=bob.id))

    assert friends(alice) == []


def test_a_new_friendship_reopens_the_conversation_with_its_history(
    alice: Person, bob: Person
) -> None:
    befriend(alice, bob)
    before = private_chat(alice, bob)
    send(alice, before, "before")
    done(alice.delete("/manage_friends", friend_id=bob.id))

    befriend(bob, alice)

    assert private_chat(alice, bob) == before
    assert contents(bob, before) == ["before"]


# 查询单独用户信息/search_user_detail


def test_a_users_details_are_shown_to_everybody(alice: Person, bob: Person) -> None:
    done(bob.put("/account/info", origin_password=bob.password, user_info="About Bob"))

    assert_shows(
        alice.get("/search_user_detail", userId=bob.id),
        info="success",
        user={
            "name": "Bob",
            "email": bob.email,
            "avatar": "",
            "is_friend": False,
            "id": bob.id,
            "user_info": "About Bob",
            "is_deleted": False,
        },
    )


def test_a_users_details_show_a_friend_and_a_deleted_account(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    done(bob.delete("/account/delete"))

    user = done(alice.get("/search_user_detail", userId=str(bob.id)))["user"]

    assert (user["is_friend"], user["is_deleted"]) == (True, True)
