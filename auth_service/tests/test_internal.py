"""Endpoints for the other services, with which they build and repair their copies."""

from typing import Any

import pytest
from flask import Flask

from auth_service.db import db
from auth_service.tests.factories import make_account
from shared.data.client import SECRET_HEADER
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.databases import counted_queries
from shared.testing.fake_services import FakeService
from shared.web.errors import BAD_PARAMETER, INVALID_JWT

KNOWN = {SECRET_HEADER: "current-test-secret"}


def _page(client: ApiClient, **parameters: Any) -> Reply:
    return client.get("/internal/accounts", query_string=parameters, headers=KNOWN)


def _find(client: ApiClient, *ids: Any) -> Reply:
    return client.post("/internal/accounts/find", json={"ids": ids}, headers=KNOWN)


def _make_accounts(app: Flask, *ids: int) -> None:
    for account_id in ids:
        make_account(app, account_id, f"user{account_id}")


def _ids(response: Reply) -> list[int]:
    return [state["id"] for state in response.json["accounts"]]


def test_a_page_holds_the_next_accounts_by_id(app: Flask, anonymous: ApiClient) -> None:
    _make_accounts(app, 3, 1, 2, 4)
    assert _ids(_page(anonymous, limit=2)) == [1, 2]
    assert _ids(_page(anonymous, after=2, limit=2)) == [3, 4]
    assert _ids(_page(anonymous, after=4)) == []


def test_a_page_contains_deleted_accounts(app: Flask, anonymous: ApiClient) -> None:
    make_account(app, 1, "Alice", deleted=True, generation=1)
    [state] = _page(anonymous).json["accounts"]
    assert (state["deleted"], state["generation"]) == (True, 1)


def test_find_answers_those_that_exist(app: Flask, anonymous: ApiClient) -> None:
    _make_accounts(app, 1, 2, 3)
    assert sorted(_ids(_find(anonymous, 3, 1, 99, 2**63 - 1))) == [1, 3]
    assert _ids(_find(anonymous)) == []


def test_a_state_is_the_same_in_a_page_in_an_answer_and_in_an_event(
    alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    change = {"origin_password": "pass_word1", "user_info": "hello", "avatar": "cat"}
    alice.put("/account/info", json=change)
    [state] = fake_services["chat"].states("account")
    assert _page(alice).json == {"code": 0, "info": "Succeed", "accounts": [state]}
    assert _find(alice, alice.id).json["accounts"] == [state]
    assert state == {
        "id": 1,
        "name": "Alice",
        "email": "Alice@Example.com",
        "user_info": "hello",
        "avatar_digest": "",
        "avatar_reference": "cat",
        "deleted": False,
        "session_ends": "",
        "generation": 0,
        "erased": False,
        "version": 2,
    }


@pytest.mark.parametrize("count", [1, 20])
def test_a_page_and_an_answer_cost_one_query_each(
    app: Flask, anonymous: ApiClient, count: int
) -> None:
    _make_accounts(app, *range(1, count + 1))
    with counted_queries(app, db) as queries:
        _page(anonymous)
        _find(anonymous, *range(1, count + 1))
    assert len(queries) == 2


@pytest.mark.parametrize("limit", [0, -1, 1001, "x"])
def test_a_limit_is_1_to_1000(anonymous: ApiClient, limit: Any) -> None:
    assert_error(_page(anonymous, limit=limit), BAD_PARAMETER, field="limit")


@pytest.mark.parametrize("ids", [range(1001), ["x"], [-1], [2**63], [None]])
def test_at_most_1000_ids_are_looked_up(anonymous: ApiClient, ids: Any) -> None:
    assert_error(_find(anonymous, *ids), BAD_PARAMETER, field="ids")


@pytest.mark.parametrize("secret", ["", "wrong", "current-test-secret,previous-test-secret"])
def test_who_does_not_show_the_secret_is_refused(anonymous: ApiClient, secret: str) -> None:
    shown = {SECRET_HEADER: secret}
    assert_error(anonymous.get("/internal/accounts", headers=shown), INVALID_JWT)
    assert_error(anonymous.post("/internal/accounts/find", headers=shown), INVALID_JWT)


def test_the_previous_secret_works_until_it_is_taken_away(anonymous: ApiClient) -> None:
    shown = {SECRET_HEADER: "previous-test-secret"}
    assert anonymous.get("/internal/accounts", headers=shown).status_code == 200
