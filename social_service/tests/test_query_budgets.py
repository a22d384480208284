"""The most frequent requests stay within their query budgets."""

from pathlib import Path

import pytest
from flask import Flask

from shared.testing.cast import ALICE
from shared.testing.client import ApiClient
from shared.testing.query_budgets import assert_within_budget
from social_service.db import db
from social_service.tests.factories import make_account, make_friends

pytestmark = pytest.mark.database

TABLE = Path(__file__).with_name("query_budgets.csv")


@pytest.mark.parametrize("count", [10, 50])
def test_listing_friends(app: Flask, alice: ApiClient, count: int) -> None:
    for friend_id in range(20, 20 + count):
        make_account(app, friend_id)
        make_friends(app, ALICE, friend_id)
    assert_within_budget(TABLE, f"friends {count}", app, db, lambda: alice.get("/friends"))


def test_searching_for_a_user(app: Flask, alice: ApiClient) -> None:
    make_account(app, 20, "Wanted")
    query = {"query_name": "Wanted"}
    assert_within_budget(
        TABLE, "search", app, db, lambda: alice.get("/search_user", query_string=query)
    )
