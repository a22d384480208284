"""分组管理/groups, 分组操作/groups/manage_groups and 组内成员管理/groups/members."""

import pytest
from flask import Flask

from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient, Reply, assert_error
from shared.web.errors import ErrorSpec
from social_service import errors
from social_service.tests.calls import UNKNOWN_USER, list_friend_ids, send_friend_request
from social_service.tests.factories import (
    delete_account,
    make_account,
    make_friends,
    make_group,
)


def _create(owner: ApiClient, name: str) -> Reply:
    return owner.post("/groups", json={"name": name})


def _rename(owner: ApiClient, group_id: int, new_name: str) -> Reply:
    return owner.put("/groups/manage_groups", json={"group_id": group_id, "new_name": new_name})


def _add(owner: ApiClient, group_id: int, member_id: int) -> Reply:
    return owner.post("/groups/members", json={"group_id": group_id, "member_id": member_id})


def _remove(owner: ApiClient, group_id: int, member_id: int) -> Reply:
    return owner.delete("/groups/members", json={"group_id": group_id, "member_id": member_id})


def _groups(owner: ApiClient) -> list[tuple[int, str]]:
    return [(group["id"], group["name"]) for group in owner.get("/groups").json["groups"]]


def _members(owner: ApiClient, group_id: int) -> list[int]:
    members = owner.get("/groups/members", json={"group_id": group_id}).json["members"]
    return [member["id"] for member in members]


def test_a_created_group_is_listed(alice: ApiClient) -> None:
    response = _create(alice, "同学")
    group_id = response.json["group_id"]
    assert response.json == {
        "code": 0,
        "info": "success",
        "message": "分组创建成功",
        "group_id": group_id,
    }
    assert alice.get("/groups").json == {
        "code": 0,
        "info": "success",
        "groups": [{"id": group_id, "name": "同学"}],
    }


def test_without_groups_the_list_is_empty(alice: ApiClient) -> None:
    response = alice.get("/groups")
    assert (response.status_code, response.json["groups"]) == (200, [])


def test_ones_own_groups_are_listed_by_id(app: Flask, alice: ApiClient) -> None:
    first = make_group(app, ALICE, "Z")
    make_group(app, BOB, "Bob's")
    second = make_group(app, ALICE, "A")
    assert _groups(alice) == [(first, "Z"), (second, "A")]


def test_a_name_of_100_code_points_is_stored(alice: ApiClient) -> None:
    _create(alice, "🎉" * 100)
    assert _groups(alice) == [(1, "🎉" * 100)]


def test_names_differ_by_case(alice: ApiClient) -> None:
    _create(alice, "chess")
    assert _create(alice, "Chess").status_code == 200


def test_groups_post_refuses_a_name_that_one_has(alice: ApiClient) -> None:
    _create(alice, "Classmates")
    assert_error(_create(alice, "Classmates"), errors.GROUP_EXISTS)
    assert len(_groups(alice)) == 1


def test_two_people_may_use_the_same_name(alice: ApiClient, bob: ApiClient) -> None:
    _create(alice, "Classmates")
    assert _create(bob, "Classmates").status_code == 200


def test_the_id_of_a_deleted_group_never_comes_back(app: Flask, alice: ApiClient) -> None:
    old = make_group(app, ALICE)
    alice.delete("/groups/manage_groups", json={"group_id": old})
    assert _create(alice, "Classmates").json["group_id"] > old


def test_a_group_is_shown_with_its_members_by_id(app: Flask, alice: ApiClient) -> None:
    make_account(app, BOB, "Bob", email="bob@example.com", avatar_digest="d2", version=2)
    delete_account(app, CAROL, "Carol")
    group_id = make_group(app, ALICE, "Classmates", CAROL, BOB)
    response = alice.get("/groups/manage_groups", json={"group_id": str(group_id)})
    members = response.json["group"].pop("members")
    assert response.json == {
        "code": 0,
        "info": "success",
        "group": {"id": group_id, "name": "Classmates"},
    }
    assert members[0] == {
        "id": BOB,
        "email": "bob@example.com",
        "name": "Bob",
        "avatar": f"http://localhost/account/avatar/{BOB}/d2",
        "deleted": False,
    }
    assert (members[1]["id"], members[1]["deleted"]) == (CAROL, True)


def test_the_members_of_a_group_are_those_shown_with_it(app: Flask, alice: ApiClient) -> None:
    group_id = make_group(app, ALICE, "Classmates", CAROL, BOB)
    make_group(app, ALICE, "Others", DAVE)
    query = {"group_id": group_id}
    shown = alice.get("/groups/manage_groups", query_string=query).json["group"]["members"]
    listed = alice.get("/groups/members", query_string=query)
    assert listed.json == {"code": 0, "info": "success", "members": shown}
    assert _members(alice, group_id) == [BOB, CAROL]


def test_an_empty_group_has_no_members(app: Flask, alice: ApiClient) -> None:
    assert _members(alice, make_group(app, ALICE)) == []


def test_a_renamed_group_has_the_new_name(app: Flask, alice: ApiClient) -> None:
    group_id = make_group(app, ALICE, "Classmates")
    response = _rename(alice, group_id, "Colleagues")
    assert response.json == {"code": 0, "info": "success", "message": "修改分组名称成功"}
    assert _groups(alice) == [(group_id, "Colleagues")]


def test_a_group_may_be_renamed_to_its_own_name(app: Flask, alice: ApiClient) -> None:
    group_id = make_group(app, ALICE, "Classmates")
    assert _rename(alice, group_id, "Classmates").status_code == 200


def test_a_group_may_be_renamed_to_a_name_that_another_person_uses(
    app: Flask, alice: ApiClient
) -> None:
    make_group(app, BOB, "Colleagues")
    assert _rename(alice, make_group(app, ALICE), "Colleagues").status_code == 200


def test_manage_groups_put_refuses_the_name_of_another_group(app: Flask, alice: ApiClient) -> None:
    group_id = make_group(app, ALICE, "Classmates")
    make_group(app, ALICE, "Colleagues")
    assert_error(_rename(alice, group_id, "Colleagues"), errors.GROUP_NAME_EXISTS)


def test_a_deleted_group_is_gone_and_its_members_stay_friends(app: Flask, alice: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    group_id = make_group(app, ALICE, "Classmates", BOB)
    response = alice.delete("/groups/manage_groups", json={"group_id": group_id})
    assert response.json == {"code": 0, "info": "success", "message": "删除分组成功"}
    assert (_groups(alice), list_friend_ids(alice)) == ([], [BOB])
    assert alice.get("/manage_friends", json={"friend_id": BOB}).json["groups"] == []


def test_an_added_friend_is_in_the_group(app: Flask, alice: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    group_id = make_group(app, ALICE)
    response = _add(alice, group_id, BOB)
    assert response.json == {"code": 0, "info": "success", "message": "添加分组成员成功"}
    assert _members(alice, group_id) == [BOB]


def test_a_friend_may_be_in_several_groups(app: Flask, alice: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    first, second = make_group(app, ALICE, "One"), make_group(app, ALICE, "Two")
    assert [_add(alice, group_id, BOB).status_code for group_id in (first, second)] == [200, 200]


def test_a_deleted_friend_may_be_sorted_into_a_group(app: Flask, alice: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    delete_account(app, BOB)
    assert _add(alice, make_group(app, ALICE), BOB).status_code == 200


def test_groups_members_post_refuses_a_member_again(app: Flask, alice: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    group_id = make_group(app, ALICE, "Classmates", BOB)
    assert_error(_add(alice, group_id, BOB), errors.MEMBER_ALREADY_IN_GROUP)


@pytest.mark.parametrize("stranger_id", [ALICE, CAROL, UNKNOWN_USER])
def test_groups_members_post_refuses_who_is_no_friend(
    app: Flask, alice: ApiClient, stranger_id: int
) -> None:
    group_id = make_group(app, ALICE)
    assert_error(_add(alice, group_id, stranger_id), errors.MEMBER_NOT_FRIEND)


def test_groups_members_post_rejects_the_receiver_of_a_request(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    send_friend_request(alice, bob)
    assert_error(_add(alice, make_group(app, ALICE), BOB), errors.MEMBER_NOT_FRIEND)


def test_a_removed_member_is_out_of_the_group_and_stays_a_friend(
    app: Flask, alice: ApiClient
) -> None:
    make_friends(app, ALICE, BOB)
    group_id = make_group(app, ALICE, "Classmates", BOB, CAROL)
    response = _remove(alice, group_id, BOB)
    assert response.json == {"code": 0, "info": "success", "message": "删除分组成员成功"}
    assert (_members(alice, group_id), list_friend_ids(alice)) == ([CAROL], [BOB])


@pytest.mark.parametrize("member_id", [BOB, UNKNOWN_USER])
def test_groups_members_delete_refuses_who_is_not_in_it(
    app: Flask, alice: ApiClient, member_id: int
) -> None:
    make_group(app, ALICE, "Others", BOB)
    assert_error(_remove(alice, make_group(app, ALICE), member_id), errors.MEMBER_NOT_IN_GROUP)


GROUP_IS_GONE = pytest.mark.parametrize(
    ("method", "path", "rest", "refusal"),
    [
        ("GET", "/groups/manage_groups", {}, errors.GROUP_NOT_FOUND),
        ("PUT", "/groups/manage_groups", {"new_name": "X"}, errors.GROUP_NOT_FOUND),
        ("DELETE", "/groups/manage_groups", {}, errors.GROUP_NOT_FOUND),
        ("GET", "/groups/members", {}, errors.GROUP_NOT_FOUND),
        ("POST", "/groups/members", {"member_id": CAROL}, errors.GROUP_NOT_FOUND_FOR_MEMBERS),
        ("DELETE", "/groups/members", {"member_id": CAROL}, errors.GROUP_NOT_FOUND_FOR_MEMBERS),
    ],
)


@GROUP_IS_GONE
def test_a_group_that_is_not_there_is_not_found(
    app: Flask,
    alice: ApiClient,
    method: str,
    path: str,
    rest: dict[str, object],
    refusal: ErrorSpec,
) -> None:
    make_group(app, ALICE, "X", CAROL)
    response = alice.call(method, path, json={"group_id": UNKNOWN_USER, **rest})
    assert_error(response, refusal)


@GROUP_IS_GONE
def test_anothers_group_is_not_found_and_nothing_happens_to_it(
    app: Flask,
    alice: ApiClient,
    bob: ApiClient,
    method: str,
    path: str,
    rest: dict[str, object],
    refusal: ErrorSpec,
) -> None:
    make_group(app, ALICE, "X")
    make_friends(app, ALICE, CAROL)
    make_friends(app, BOB, CAROL)
    of_bob = make_group(app, BOB, "Bob's", CAROL)
    response = alice.call(method, path, json={"group_id": of_bob, **rest})
    assert_error(response, refusal)
    assert (_groups(bob), _members(bob, of_bob)) == ([(of_bob, "Bob's")], [CAROL])
