"""Events to chat, also during its outages, and events of auth."""

import time
from typing import Any

import pytest
from flask import Flask

from shared.data.client import SECRET_HEADER
from shared.testing.cast import ALICE, BOB, CAROL, signed_in
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.fake_services import FakeService
from shared.web.errors import BAD_PARAMETER, INVALID_JWT
from social_service import errors
from social_service.domain.outbox import outbox
from social_service.tests.calls import (
    accept_friend_request,
    befriend,
    list_friend_ids,
    reject_friend_request,
    remove_friend,
    send_friend_request,
)
from social_service.tests.factories import (
    account_state,
    delete_account,
    make_account,
    make_friends,
    make_group,
    make_request,
    relay,
)

pytestmark = pytest.mark.database

SECRET = {SECRET_HEADER: "current-test-secret"}
BOUNDED_SECONDS = 5.0


def _kinds(chat: FakeService) -> list[str]:
    return [event["type"] for event in chat.events]


def _versions(chat: FakeService) -> list[tuple[int, bool]]:
    return [(state["version"], state["active"]) for state in chat.states("friendship")]


def _waiting(app: Flask) -> int:
    with app.app_context():
        return outbox.backlog_size()


def test_chat_receives_a_new_request(alice: ApiClient, bob: ApiClient, chat: FakeService) -> None:
    send_friend_request(alice, bob)
    assert chat.events == [
        {"type": "friend_request_changed", "state": {"sender_id": ALICE, "receiver_id": BOB}}
    ]


def test_chat_receives_a_rejected_request(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    send_friend_request(alice, bob)
    reject_friend_request(bob, alice)
    notice = {"sender_id": ALICE, "receiver_id": BOB}
    assert chat.states("friend_request_changed") == [notice, notice]
    assert chat.states("friendship") == []


def test_chat_has_the_friendship_before_the_notice_when_accepting_has_answered(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    send_friend_request(bob, alice)
    chat.events.clear()
    accept_friend_request(alice, bob)
    assert chat.events == [
        {
            "type": "friendship",
            "state": {"id": 1, "low_id": ALICE, "high_id": BOB, "active": True, "version": 1},
        },
        {"type": "friend_request_changed", "state": {"sender_id": BOB, "receiver_id": ALICE}},
    ]


def test_chat_receives_the_end_before_the_notice(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    befriend(alice, bob)
    chat.events.clear()
    remove_friend(bob, alice)
    assert chat.events == [
        {
            "type": "friendship",
            "state": {"id": 1, "low_id": ALICE, "high_id": BOB, "active": False, "version": 2},
        },
        {"type": "friendship_ended", "state": {"low_id": ALICE, "high_id": BOB}},
    ]


def test_a_friendship_begun_again_goes_on_with_its_versions_in_order(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    befriend(alice, bob)
    remove_friend(alice, bob)
    befriend(bob, alice)
    assert _versions(chat) == [(1, True), (2, False), (3, True)]
    assert {state["id"] for state in chat.states("friendship")} == {1}


def test_chat_receives_no_event_of_a_rejected_change(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, chat: FakeService
) -> None:
    make_friends(app, ALICE, BOB)
    send_friend_request(alice, bob)
    send_friend_request(alice, alice)
    accept_friend_request(bob, alice)
    reject_friend_request(alice, carol)
    remove_friend(alice, carol)
    assert (chat.events, _waiting(app)) == ([], 0)


def test_chat_receives_no_event_of_groups(app: Flask, alice: ApiClient, chat: FakeService) -> None:
    make_friends(app, ALICE, BOB)
    group_id = make_group(app, ALICE)
    alice.post("/groups/members", json={"group_id": group_id, "member_id": BOB})
    alice.delete("/groups/manage_groups", json={"group_id": group_id})
    assert chat.events == []


@pytest.mark.parametrize("mode", ["failing", "hung"])
def test_while_chat_is_down_requests_succeed_and_events_arrive_later_in_order(
    app: Flask, alice: ApiClient, bob: ApiClient, chat: FakeService, mode: str
) -> None:
    chat.set_mode(mode)
    began = time.monotonic()
    befriend(alice, bob)
    remove_friend(alice, bob)
    befriend(bob, alice)
    duration = time.monotonic() - began
    assert duration < BOUNDED_SECONDS
    assert list_friend_ids(alice) == [BOB]

    chat.set_mode("ok")
    relay(app)

    assert _versions(chat) == [(1, True), (2, False), (3, True)]
    assert _waiting(app) == 0


def test_what_the_relay_could_not_deliver_stays_in_the_outbox(
    app: Flask, alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    chat.set_mode("failing")
    befriend(alice, bob)
    waiting = _waiting(app)
    assert (relay(app), _waiting(app)) == (0, waiting)
    chat.set_mode("ok")
    assert relay(app) == waiting
    assert _kinds(chat) == ["friend_request_changed", "friendship", "friend_request_changed"]


def test_after_an_outage_events_are_delivered_at_once_again(
    app: Flask, alice: ApiClient, bob: ApiClient, carol: ApiClient, chat: FakeService
) -> None:
    chat.set_mode("failing")
    send_friend_request(alice, bob)
    chat.set_mode("ok")
    relay(app)
    befriend(alice, carol)
    assert chat.states("friendship")[-1]["high_id"] == CAROL


def _deliver(app: Flask, *events: Any, secret: dict[str, str] = SECRET) -> Reply:
    return ApiClient(app).post("/internal/events", json={"events": list(events)}, headers=secret)


def test_an_account_of_an_event_is_found(app: Flask, alice: ApiClient) -> None:
    _deliver(app, {"type": "account", "state": account_state(20, "Zoe")})
    [person] = alice.get("/search_user", json={"query_name": "Zoe"}).json["results"]
    assert person["user_id"] == 20


def test_an_older_state_of_an_account_changes_nothing(app: Flask, alice: ApiClient) -> None:
    make_account(app, BOB, "Robert", version=5)
    _deliver(app, {"type": "account", "state": account_state(BOB, "Bob", version=4)})
    user = alice.get("/search_user_detail", json={"userId": BOB}).json["user"]
    assert user["name"] == "Robert"


def test_events_of_unknown_type_or_shape_are_passed_over(app: Flask, alice: ApiClient) -> None:
    nonsense = [{"type": "weather", "state": {}}, {"type": "account", "state": {"id": "x"}}, 7]
    response = _deliver(app, *nonsense, {"type": "account", "state": account_state(20, "Zoe")})
    assert response.status_code == 200
    assert alice.get("/search_user", json={"query_name": "Zoe"}).json["results"] != []


@pytest.mark.parametrize("path", ["/internal/events", "/internal/friendships"])
@pytest.mark.parametrize("headers", [{}, {SECRET_HEADER: "guess"}], ids=["none", "wrong"])
def test_internal_paths_refuse_who_does_not_show_the_secret(
    alice: ApiClient, path: str, headers: dict[str, str]
) -> None:
    assert_error(alice.get(path, headers=headers), INVALID_JWT)
    assert_error(alice.post(path, headers=headers), INVALID_JWT)


def test_friendships_are_paged_by_id_for_chat(
    app: Flask,
    anonymous: ApiClient,
    alice: ApiClient,
    bob: ApiClient,
    carol: ApiClient,
    dave: ApiClient,
) -> None:
    send_friend_request(dave, carol)
    befriend(bob, alice)
    befriend(alice, carol)
    remove_friend(alice, carol)
    befriend(bob, carol)
    path = "/internal/friendships"
    first = anonymous.get(path, query_string={"after": 0, "limit": 2}, headers=SECRET).json
    after = first["friendships"][-1]["id"]
    rest = anonymous.get(path, query_string={"after": after}, headers=SECRET).json
    assert (first["code"], first["info"]) == (0, "Succeed")
    assert [_pair(state) for state in first["friendships"]] == [
        (ALICE, BOB, True, 1),
        (ALICE, CAROL, False, 2),
    ]
    assert [_pair(state) for state in rest["friendships"]] == [(BOB, CAROL, True, 1)]


def _pair(state: dict[str, Any]) -> tuple[Any, ...]:
    return state["low_id"], state["high_id"], state["active"], state["version"]


@pytest.mark.parametrize(
    ("field", "bad"), [("after", "x"), ("after", "-1"), ("limit", "0"), ("limit", "1001")]
)
def test_a_page_of_friendships_has_bounds(anonymous: ApiClient, field: str, bad: str) -> None:
    response = anonymous.get("/internal/friendships", query_string={field: bad}, headers=SECRET)
    assert_error(response, BAD_PARAMETER, field=field)


def test_a_missing_account_is_fetched_from_auth(alice: ApiClient, auth: FakeService) -> None:
    auth.responses["/internal/accounts/find"] = {"accounts": [account_state(20, "Zoe")]}
    response = alice.post("/add_friend", json={"target_id": 20})
    assert response.status_code == 200
    assert auth.requests == [("/internal/accounts/find", {"ids": [20]})]


def test_a_fetched_account_is_not_fetched_again(alice: ApiClient, auth: FakeService) -> None:
    auth.responses["/internal/accounts/find"] = {"accounts": [account_state(20, "Zoe")]}
    alice.get("/search_user_detail", json={"userId": 20})
    alice.get("/search_user_detail", json={"userId": 20})
    assert len(auth.requests) == 1


def test_a_missing_caller_is_fetched_from_auth(app: Flask, auth: FakeService) -> None:
    auth.responses["/internal/accounts/find"] = {"accounts": [account_state(20, "Zoe")]}
    from_zoe = signed_in(app, 20)
    assert from_zoe.get("/friends").status_code == 200


@pytest.mark.parametrize(
    ("path", "key"),
    [("/friends", "friends"), ("/friend_requests", "requests"), ("/groups/members", "members")],
)
def test_all_missing_accounts_of_a_list_are_fetched_in_one_call(
    app: Flask, alice: ApiClient, auth: FakeService, path: str, key: str
) -> None:
    lacking = [20, 21, 22]
    group_id = make_group(app, ALICE, "Classmates", BOB, *lacking)
    for friend_id in (BOB, *lacking):
        make_friends(app, ALICE, friend_id)
        make_request(app, friend_id, ALICE)
    states = [account_state(20, "Zoe"), account_state(21, "Yves")]
    auth.responses["/internal/accounts/find"] = {"accounts": states}
    listed = alice.get(path, query_string={"group_id": group_id}).json[key]
    assert auth.requests == [("/internal/accounts/find", {"ids": lacking})]
    assert len(listed) == 3  # Account 22 does not exist.


@pytest.mark.parametrize("mode", ["failing", "hung"])
def test_while_auth_is_down_an_unknown_account_does_not_exist_in_bounded_time(
    app: Flask, alice: ApiClient, bob: ApiClient, auth: FakeService, mode: str
) -> None:
    auth.set_mode(mode)
    began = time.monotonic()
    response = alice.post("/add_friend", json={"target_id": 20})
    duration = time.monotonic() - began
    assert_error(response, errors.USER_NOT_FOUND_OR_DELETED)
    assert duration < BOUNDED_SECONDS
    assert send_friend_request(alice, bob).status_code == 200


def test_resync_rebuilds_the_copy_of_the_accounts(
    app: Flask, alice: ApiClient, auth: FakeService
) -> None:
    states = [account_state(20, "Zoe"), account_state(21, "Yves")]
    auth.responses["/internal/accounts"] = lambda endpoint: {
        "accounts": [state for state in states if state["id"] > int(endpoint["after"])]
    }
    done = app.test_cli_runner().invoke(args=["accounts", "resync"])
    assert done.exit_code == 0
    assert alice.get("/search_user_detail", json={"userId": 21}).json["user"]["name"] == "Yves"


def test_resync_says_in_one_line_that_auth_does_not_answer(app: Flask, auth: FakeService) -> None:
    auth.set_mode("failing")
    done = app.test_cli_runner().invoke(args=["accounts", "resync"])
    assert done.exit_code == 1
    endpoint = f"{auth.url}/internal/accounts"
    assert done.output.splitlines()[-1] == f"Error: Service unavailable: GET {endpoint}."


def test_friends_read_on_while_all_others_are_down(
    app: Flask, alice: ApiClient, auth: FakeService, chat: FakeService
) -> None:
    make_friends(app, ALICE, BOB)
    auth.set_mode("failing")
    chat.set_mode("failing")
    assert list_friend_ids(alice) == [BOB]


def test_the_event_of_a_deletion_ends_the_tokens(app: Flask, alice: ApiClient) -> None:
    delete_account(app, ALICE)
    assert_error(alice.get("/friends"), INVALID_JWT)
