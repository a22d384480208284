"""The auth service under test, and a small cast of callers."""

from collections.abc import Iterator

import pytest
from flask import Flask

from auth_service.app import create_app
from auth_service.db import db
from shared.testing.client import Caller
from shared.testing.databases import empty_tables, migrated, settings_for_tests
from shared.testing.neighbours import Neighbour
from shared.testing.tokens import PRIVATE_KEY_PEM


@pytest.fixture(scope="session")
def _app(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: str | None,
    _neighbours: dict[str, Neighbour],
) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("auth")
    env = settings_for_tests("auth", folder, postgres) | {
        "JWT_PRIVATE_KEY": PRIVATE_KEY_PEM,
        "SOCIAL_SERVICE_URL": _neighbours["social"].url,
        "SOCIAL_SERVICE_SECRET": "current-test-secret",
        "CHAT_SERVICE_URL": _neighbours["chat"].url,
        "CHAT_SERVICE_SECRET": "current-test-secret",
    }
    app = create_app(env)
    with migrated(app, db):
        yield app


@pytest.fixture
def app(_app: Flask, neighbours: dict[str, Neighbour]) -> Iterator[Flask]:
    """The service, with empty tables before and after."""
    yield _app
    empty_tables(_app, db)


@pytest.fixture
def anyone(app: Flask) -> Caller:
    """A caller without a token."""
    return Caller(app)
