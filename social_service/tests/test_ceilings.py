"""The requests that everybody makes all day cost no more than the table says."""

from pathlib import Path

import pytest
from flask import Flask

from shared.testing.cast import ALICE
from shared.testing.ceilings import check_ceiling
from shared.testing.client import Caller
from social_service.db import db
from social_service.tests.factories import make_account, make_friends

pytestmark = pytest.mark.database

TABLE = Path(__file__).with_name("ceilings.csv")


@pytest.mark.parametrize("count", [10, 50])
def test_listing_friends(app: Flask, alice: Caller, count: int) -> None:
    for friend_id in range(20, 20 + count):
        make_account(app, friend_id)
        make_friends(app, ALICE, friend_id)
    check_ceiling(TABLE, f"friends {count}", app, db, lambda: alice.get("/friends"))


def test_searching_for_somebody(app: Flask, alice: Caller) -> None:
    make_account(app, 20, "Wanted")
    query = {"query_name": "Wanted"}
    check_ceiling(TABLE, "search", app, db, lambda: alice.get("/search_user", query_string=query))
