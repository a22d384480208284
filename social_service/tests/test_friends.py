"""好友列表/friends and 好友操作/manage_friends."""

from flask import Flask

from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.client import ApiClient, assert_error
from social_service import errors
from social_service.tests.calls import (
    UNKNOWN_USER,
    accept_friend_request,
    befriend,
    list_friend_ids,
    list_request_statuses,
    remove_friend,
    send_friend_request,
)
from social_service.tests.factories import (
    delete_account,
    make_account,
    make_friends,
    make_group,
)


def _members(owner: ApiClient, group_id: int) -> list[int]:
    members = owner.get("/groups/members", json={"group_id": group_id}).json["members"]
    return [member["id"] for member in members]


def test_friends_are_listed_by_id_with_their_accounts(app: Flask, carol: ApiClient) -> None:
    make_account(app, DAVE, "Dave", email="dave@example.com", avatar_digest="d4", version=2)
    for friend_id in (DAVE, BOB, ALICE):
        make_friends(app, CAROL, friend_id)
    response = carol.get("/friends")
    assert (response.json["code"], response.json["info"]) == (0, "success")
    assert list_friend_ids(carol) == [ALICE, BOB, DAVE]
    assert response.json["friends"][-1] == {
        "id": DAVE,
        "email": "dave@example.com",
        "name": "Dave",
        "avatar": f"http://localhost/account/avatar/{DAVE}/d4",
        "deleted": False,
    }


def test_without_friends_the_list_is_empty(alice: ApiClient) -> None:
    response = alice.get("/friends")
    assert (response.status_code, response.json["friends"]) == (200, [])


def test_a_deleted_friend_stays_listed_and_flagged(app: Flask, alice: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    delete_account(app, BOB, "Bob")
    [friend] = alice.get("/friends").json["friends"]
    assert (friend["id"], friend["deleted"]) == (BOB, True)


def test_a_friend_is_listed_with_the_callers_groups(app: Flask, alice: ApiClient) -> None:
    make_account(app, BOB, "Bob", email="bob@example.com", user_info="I am Bob.", version=2)
    make_friends(app, ALICE, BOB)
    first = make_group(app, ALICE, "Classmates", BOB, CAROL)
    second = make_group(app, ALICE, "Chess", BOB)
    make_group(app, ALICE, "Others", CAROL)
    make_group(app, CAROL, "Carol's", BOB)
    response = alice.get("/manage_friends", json={"friend_id": str(BOB)})
    assert response.json == {
        "code": 0,
        "info": "success",
        "id": BOB,
        "email": "bob@example.com",
        "name": "Bob",
        "avatar": "",
        "user_info": "I am Bob.",
        "deleted": False,
        "groups": [{"id": first, "name": "Classmates"}, {"id": second, "name": "Chess"}],
    }


def test_a_deleted_friend_is_shown_as_deleted(app: Flask, alice: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    delete_account(app, BOB)
    assert alice.get("/manage_friends", json={"friend_id": BOB}).json["deleted"] is True


def test_manage_friends_get_of_an_unknown_user_is_user_not_found(alice: ApiClient) -> None:
    response = alice.get("/manage_friends", json={"friend_id": UNKNOWN_USER})
    assert_error(response, errors.USER_NOT_FOUND)


def test_manage_friends_get_of_a_stranger_is_friend_not_found(alice: ApiClient) -> None:
    response = alice.get("/manage_friends", json={"friend_id": BOB})
    assert_error(response, errors.FRIEND_NOT_FOUND)


def test_manage_friends_get_of_the_caller_is_friend_not_found(alice: ApiClient) -> None:
    response = alice.get("/manage_friends", json={"friend_id": ALICE})
    assert_error(response, errors.FRIEND_NOT_FOUND)


def test_unfriending_ends_it_for_both(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    response = remove_friend(alice, bob)
    assert response.json == {"code": 0, "info": "success", "message": "删除好友成功"}
    assert (list_friend_ids(alice), list_friend_ids(bob)) == ([], [])


def test_unfriending_leaves_other_friends(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    befriend(alice, bob)
    befriend(carol, alice)
    remove_friend(alice, bob)
    assert list_friend_ids(alice) == [CAROL]


def test_unfriending_removes_the_pairs_requests_alone(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    send_friend_request(bob, alice)
    send_friend_request(carol, alice)
    befriend(alice, bob)
    remove_friend(alice, bob)
    assert (list_request_statuses(alice), list_request_statuses(bob)) == ([0], [])


def test_unfriending_takes_each_out_of_the_others_groups_alone(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    make_friends(app, ALICE, BOB)
    of_alice = make_group(app, ALICE, "Alice's", BOB, CAROL)
    of_bob = make_group(app, BOB, "Bob's", ALICE, CAROL)
    remove_friend(bob, alice)
    assert (_members(alice, of_alice), _members(bob, of_bob)) == ([CAROL], [CAROL])


def test_friends_again_are_in_no_groups(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    group_id = make_group(app, ALICE, "Classmates", BOB)
    remove_friend(alice, bob)
    befriend(bob, alice)
    assert list_friend_ids(alice) == [BOB]
    assert _members(alice, group_id) == []


def test_a_deleted_friend_can_be_removed(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    delete_account(app, BOB)
    assert remove_friend(alice, bob).status_code == 200


def test_friends_of_a_restored_account_are_there_again(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    delete_account(app, BOB, "Bob")
    make_account(app, BOB, "Robert", generation=1, version=3)
    [friend] = alice.get("/friends").json["friends"]
    assert (friend["id"], friend["name"], friend["deleted"]) == (BOB, "Robert", False)


def test_manage_friends_delete_of_an_unknown_user_is_friend_not_found(alice: ApiClient) -> None:
    response = alice.delete("/manage_friends", json={"friend_id": UNKNOWN_USER})
    assert_error(response, errors.FRIEND_NOT_FOUND)


def test_manage_friends_delete_of_a_stranger_is_already_not_friend(
    alice: ApiClient, bob: ApiClient
) -> None:
    assert_error(remove_friend(alice, bob), errors.ALREADY_NOT_FRIEND)


def test_manage_friends_delete_twice_is_already_not_friend(
    alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    remove_friend(alice, bob)
    assert_error(remove_friend(bob, alice), errors.ALREADY_NOT_FRIEND)


def test_manage_friends_delete_before_an_answer_is_already_not_friend(
    alice: ApiClient, bob: ApiClient
) -> None:
    send_friend_request(alice, bob)
    assert_error(remove_friend(bob, alice), errors.ALREADY_NOT_FRIEND)
    assert accept_friend_request(bob, alice).status_code == 200


def test_manage_friends_delete_of_the_caller_is_already_not_friend(alice: ApiClient) -> None:
    assert_error(remove_friend(alice, alice), errors.ALREADY_NOT_FRIEND)
