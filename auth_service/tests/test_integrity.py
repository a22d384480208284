"""``python -m auth_service verify`` finds each kind of corruption, and nothing in valid data."""

import pytest
from flask import Flask

from auth_service.db import db
from auth_service.tests.factories import PASSWORD, data_uri, picture
from shared.testing.client import ApiClient
from shared.testing.corruption import corrupt, find_violations

pytestmark = pytest.mark.database

ADDRESSES = "each account is found by its e-mail"
COUNTS = "versions and generations count from their beginnings"
PICTURES = "the picture of each account is in the store"


@pytest.fixture
def accounts(alice: ApiClient, bob: ApiClient) -> None:
    """Alice has an image; Bob has deleted his account."""
    change = {"origin_password": PASSWORD, "avatar": data_uri(picture())}
    assert alice.put("/account/info", json=change).status_code == 200
    assert bob.delete("/account/delete").status_code == 200


def test_changes_of_clients_violate_no_invariant(app: Flask, accounts: None) -> None:
    assert find_violations(app) == {}


@pytest.mark.parametrize(
    ("statement", "invariant"),
    [
        ("UPDATE accounts SET email_key = 'Alice@Example.com' WHERE id = 1", ADDRESSES),
        ("UPDATE accounts SET version = 0 WHERE id = 1", COUNTS),
        ("UPDATE accounts SET generation = 0 WHERE deleted", COUNTS),
        ("UPDATE accounts SET avatar_digest = 'of nothing' WHERE id = 1", PICTURES),
    ],
)
def test_damage_is_found(app: Flask, accounts: None, statement: str, invariant: str) -> None:
    corrupt(app, db, statement)

    assert find_violations(app) == {invariant: 1}
