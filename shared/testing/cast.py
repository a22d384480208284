"""The users of the tests of a service: alice, bob, carol and dave are signed in.

The fixture ``app`` creates their accounts.
"""

import pytest
from flask import Flask

from shared.testing.client import ApiClient
from shared.testing.tokens import issue

ALICE, BOB, CAROL, DAVE = 1, 2, 3, 4
NAMES = {ALICE: "Alice", BOB: "Bob", CAROL: "Carol", DAVE: "Dave"}


def signed_in(app: Flask, user_id: int) -> ApiClient:
    """Create a client with a token of an account."""
    return ApiClient(app, issue(user_id), user_id)


@pytest.fixture
def anonymous(app: Flask) -> ApiClient:
    """A client without a token."""
    return ApiClient(app)


@pytest.fixture
def alice(app: Flask) -> ApiClient:
    """Account 1."""
    return signed_in(app, ALICE)


@pytest.fixture
def bob(app: Flask) -> ApiClient:
    """Account 2."""
    return signed_in(app, BOB)


@pytest.fixture
def carol(app: Flask) -> ApiClient:
    """Account 3."""
    return signed_in(app, CAROL)


@pytest.fixture
def dave(app: Flask) -> ApiClient:
    """Account 4."""
    return signed_in(app, DAVE)
