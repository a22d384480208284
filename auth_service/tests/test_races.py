"""Concurrent requests: the database decides, and every response is documented."""

from collections import Counter

import pytest
from flask import Flask

from auth_service.tests.factories import ALICE, PASSWORD, bare, email_of, make_account, picture
from shared.testing.client import ApiClient, Reply
from shared.testing.fake_services import FakeService
from shared.testing.races import run_concurrently

pytestmark = pytest.mark.database


def _outcomes(replies: list[Reply]) -> Counter[tuple[int, int]]:
    return Counter((reply.status_code, reply.json["code"]) for reply in replies)


def _register(app: Flask, email: str) -> Reply:
    body = {"email": email, "name": "Ann", "password": PASSWORD}
    return ApiClient(app).post("/account/reg", json=body)


def test_registering_twenty_times_at_once_makes_one_account(
    app: Flask, fake_services: dict[str, FakeService]
) -> None:
    replies = run_concurrently(*[lambda: _register(app, "ann@example.com")] * 20)
    assert _outcomes(replies) == {(200, 0): 1, (400, -1): 19}
    assert len(fake_services["chat"].events) == 1


def test_restoring_twenty_times_at_once_restores_once(
    app: Flask, fake_services: dict[str, FakeService]
) -> None:
    make_account(app, ALICE, "Alice", deleted=True, generation=1)
    replies = run_concurrently(*[lambda: _register(app, email_of("alice"))] * 20)
    assert _outcomes(replies) == {(200, 0): 1, (400, -1): 19}
    assert len(fake_services["chat"].events) == 1


def test_deleting_twenty_times_at_once_deletes_once(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    replies = run_concurrently(
        *[lambda: ApiClient(app, alice.token).delete("/account/delete")] * 20
    )
    assert _outcomes(replies) == {(200, 0): 1, (401, -2): 19}
    [state] = fake_services["chat"].states("account")
    assert (state["deleted"], state["generation"]) == (True, 1)


def test_deleting_and_restoring_at_once_leaves_one_of_the_two_states(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    def delete() -> Reply:
        return ApiClient(app, alice.token).delete("/account/delete")

    def restore() -> Reply:
        return _register(app, email_of("alice"))

    *restored, deleted = run_concurrently(*[restore] * 8, delete)

    assert deleted.status_code == 200
    successes = _outcomes(restored)[200, 0]
    states = sorted(fake_services["chat"].states("account"), key=lambda state: state["version"])
    assert [state["deleted"] for state in states] == [True, False][: 1 + successes]


def test_two_who_want_the_same_email_at_once_do_not_both_get_it(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    change = {"origin_password": PASSWORD, "email": "wanted@example.com"}
    replies = run_concurrently(
        lambda: alice.put("/account/info", json=change),
        lambda: bob.put("/account/info", json=change),
    )
    assert _outcomes(replies) == {(200, 0): 1, (400, -1): 1}


def test_concurrent_changes_have_versions_of_their_own(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    def rename(number: int) -> Reply:
        body = {"origin_password": PASSWORD, "name": f"A{number}"}
        return ApiClient(app, alice.token).put("/account/info", json=body)

    run_concurrently(*[lambda number=n: rename(number) for n in range(8)])

    names = {state["version"]: state["name"] for state in fake_services["chat"].states("account")}
    assert sorted(names) == list(range(2, 10))
    assert names[9] == alice.get("/account/info").json["name"]


def test_a_picture_survives_being_replaced_and_put_back_at_once(
    app: Flask, alice: ApiClient, anonymous: ApiClient
) -> None:
    sent = [bare(picture(colour=colour)) for colour in ("red", "green", "blue")]

    def put(avatar: str) -> Reply:
        body = {"origin_password": PASSWORD, "avatar": avatar}
        return ApiClient(app, alice.token).put("/account/info", json=body)

    run_concurrently(*[lambda avatar=avatar: put(avatar) for avatar in sent * 3])

    assert alice.get("/account/info").json["avatar"] in sent


def test_the_password_that_a_change_needs_is_the_one_at_that_moment(
    app: Flask, alice: ApiClient
) -> None:
    def change(number: int) -> Reply:
        body = {"origin_password": PASSWORD, "password": f"new_{number}"}
        return ApiClient(app, alice.token).put("/account/info", json=body)

    replies = run_concurrently(*[lambda number=n: change(number) for n in range(6)])
    assert _outcomes(replies) == {(200, 0): 1, (401, -3): 5}
