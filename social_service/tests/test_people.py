"""用户查找/search_user and 查询单独用户信息/search_user_detail."""

from collections.abc import Callable

import pytest
from flask import Flask

from shared.testing.cast import ALICE, BOB, CAROL, signed_in
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.tokens import issue
from shared.web.errors import INVALID_JWT, TOO_MANY_REQUESTS
from social_service import errors
from social_service.tests.calls import UNKNOWN_USER, befriend
from social_service.tests.factories import delete_account, make_account, make_friends


def _ids_of(caller: ApiClient, name: str) -> list[int]:
    results = caller.get("/search_user", query_string={"query_name": name}).json["results"]
    return [person["user_id"] for person in results]


def test_a_found_person_is_shown_with_email_picture_and_friendship(
    app: Flask, alice: ApiClient
) -> None:
    make_account(app, BOB, "Bob", avatar_digest="d1g3st", email="Bob@Example.com", version=2)
    make_friends(app, ALICE, BOB)
    response = alice.get("/search_user", json={"query_name": "Bob"})
    assert response.json == {
        "code": 0,
        "info": "success",
        "results": [
            {
                "user_id": BOB,
                "name": "Bob",
                "email": "Bob@Example.com",
                "avatar": f"http://localhost/account/avatar/{BOB}/d1g3st",
                "is_friend": True,
                "deleted": False,
            }
        ],
    }


def test_all_users_of_that_name_are_found_by_id(app: Flask, alice: ApiClient) -> None:
    make_account(app, 30, "Bob")
    make_account(app, 20, "Bob")
    assert _ids_of(alice, "Bob") == [BOB, 20, 30]


@pytest.mark.parametrize("name", ["Bo", "bob", "Bob ", "B%b", "B_b", "' OR 1=1 --"])
def test_only_the_exact_name_is_found(alice: ApiClient, name: str) -> None:
    assert _ids_of(alice, name) == []


def test_a_name_in_any_script_is_found(app: Flask, alice: ApiClient) -> None:
    make_account(app, 20, "小明🎉")
    assert _ids_of(alice, "小明🎉") == [20]


def test_an_unknown_name_is_an_empty_list(alice: ApiClient) -> None:
    response = alice.get("/search_user", json={"query_name": "Unknown"})
    assert (response.status_code, response.json["results"]) == (200, [])


def test_a_deleted_person_is_found_and_flagged(app: Flask, alice: ApiClient) -> None:
    delete_account(app, BOB, "Bob")
    [person] = alice.get("/search_user", json={"query_name": "Bob"}).json["results"]
    assert person["deleted"] is True


def test_the_caller_is_found_and_is_not_a_friend(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    [person] = alice.get("/search_user", json={"query_name": "Alice"}).json["results"]
    assert (person["user_id"], person["is_friend"]) == (ALICE, False)


def test_others_friendships_do_not_count(app: Flask, alice: ApiClient) -> None:
    make_friends(app, BOB, CAROL)
    [person] = alice.get("/search_user", json={"query_name": "Bob"}).json["results"]
    assert person["is_friend"] is False


def test_friendship_is_seen_from_both_sides(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    make_friends(app, ALICE, BOB)
    [of_alice] = alice.get("/search_user", json={"query_name": "Bob"}).json["results"]
    [of_bob] = bob.get("/search_user", json={"query_name": "Alice"}).json["results"]
    assert (of_alice["is_friend"], of_bob["is_friend"]) == (True, True)


def test_an_accounts_own_reference_is_shown_as_it_is(app: Flask, alice: ApiClient) -> None:
    make_account(app, BOB, "Bob", avatar_reference="cat-7", version=2)
    [person] = alice.get("/search_user", json={"query_name": "Bob"}).json["results"]
    assert person["avatar"] == "cat-7"


def test_pictures_load_from_the_host_that_the_client_called(app: Flask, alice: ApiClient) -> None:
    make_account(app, BOB, "Bob", avatar_digest="d1g3st", version=2)
    headers = {"Host": "chat.example.org", "X-Forwarded-Proto": "https"}
    response = alice.get("/search_user", json={"query_name": "Bob"}, headers=headers)
    [person] = response.json["results"]
    assert person["avatar"] == f"https://chat.example.org/account/avatar/{BOB}/d1g3st"


def test_a_persons_detail_is_shown(app: Flask, alice: ApiClient) -> None:
    make_account(app, BOB, "Bob", user_info="I am Bob.", email="bob@example.com", version=2)
    make_friends(app, ALICE, BOB)
    response = alice.get("/search_user_detail", query_string={"userId": BOB})
    assert response.json == {
        "code": 0,
        "info": "success",
        "user": {
            "id": BOB,
            "name": "Bob",
            "email": "bob@example.com",
            "avatar": "",
            "user_info": "I am Bob.",
            "is_friend": True,
            "is_deleted": False,
        },
    }


def test_the_detail_of_a_deleted_person_says_so(app: Flask, alice: ApiClient) -> None:
    delete_account(app, BOB, "Bob")
    user = alice.get("/search_user_detail", json={"userId": str(BOB)}).json["user"]
    assert (user["is_deleted"], user["is_friend"]) == (True, False)


def test_the_callers_own_detail_is_no_friends(alice: ApiClient) -> None:
    user = alice.get("/search_user_detail", json={"userId": ALICE}).json["user"]
    assert (user["name"], user["is_friend"]) == ("Alice", False)


def test_search_user_detail_of_an_unknown_user_is_user_not_found(alice: ApiClient) -> None:
    response = alice.get("/search_user_detail", json={"userId": UNKNOWN_USER})
    assert_error(response, errors.USER_NOT_FOUND)


def test_lookups_of_strangers_are_limited_per_account(limited: Callable[..., Flask]) -> None:
    app = limited(RATE_LIMIT_LOOKUPS="3/minute")
    alice, bob = signed_in(app, ALICE), signed_in(app, BOB)
    assert _detail(alice, CAROL).status_code == 200
    assert_error(_detail(alice, UNKNOWN_USER), errors.USER_NOT_FOUND)
    assert _ids_of(alice, "Bob") == [BOB]
    assert_error(_detail(alice, CAROL), TOO_MANY_REQUESTS)
    assert_error(alice.get("/search_user", query_string={"query_name": "Bob"}), TOO_MANY_REQUESTS)
    assert _detail(bob, CAROL).status_code == 200


def test_lookups_of_friends_and_the_caller_are_unlimited(limited: Callable[..., Flask]) -> None:
    app = limited(RATE_LIMIT_LOOKUPS="1/minute")
    make_friends(app, ALICE, BOB)
    alice = signed_in(app, ALICE)
    assert {_detail(alice, person).status_code for person in (BOB, ALICE, BOB)} == {200}


@pytest.mark.parametrize("name", ["Bob", "Unknown"])
def test_lookups_with_an_ended_token_do_not_count(limited: Callable[..., Flask], name: str) -> None:
    app = limited(RATE_LIMIT_LOOKUPS="1/minute")
    ended = signed_in(app, ALICE)
    make_account(app, ALICE, "Alice", generation=1, version=2)
    assert_error(ended.get("/search_user", query_string={"query_name": name}), INVALID_JWT)
    assert _ids_of(ApiClient(app, issue(ALICE, 1)), "Bob") == [BOB]


def _detail(caller: ApiClient, person_id: int) -> Reply:
    return caller.get("/search_user_detail", query_string={"userId": person_id})
