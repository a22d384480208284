"""The most frequent requests stay within their query budgets."""

from pathlib import Path

import pytest
from flask import Flask

from auth_service.db import db
from auth_service.tests.factories import PASSWORD, email_of
from shared.testing.client import ApiClient
from shared.testing.query_budgets import assert_within_budget

pytestmark = pytest.mark.database

TABLE = Path(__file__).with_name("query_budgets.csv")


def test_reading_the_own_profile(app: Flask, alice: ApiClient) -> None:
    assert_within_budget(TABLE, "account info", app, db, lambda: alice.get("/account/info"))


def test_signing_in(app: Flask, alice: ApiClient, anonymous: ApiClient) -> None:
    body = {"email": email_of("Alice"), "password": PASSWORD}
    assert_within_budget(
        TABLE, "login", app, db, lambda: anonymous.post("/account/login", json=body)
    )


def test_registering(app: Flask, anonymous: ApiClient) -> None:
    body = {"email": "new@example.com", "name": "New", "password": PASSWORD}
    assert_within_budget(
        TABLE, "register", app, db, lambda: anonymous.post("/account/reg", json=body)
    )
