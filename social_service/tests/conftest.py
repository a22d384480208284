"""The social service under test, and its users."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from flask import Flask

from shared.testing.cast import NAMES
from shared.testing.databases import Rows, migrated, reset_tables, rows_of, settings_for_tests
from shared.testing.fake_services import FakeService
from social_service.app import create_app
from social_service.db import db
from social_service.tests.factories import make_account


@pytest.fixture(scope="session")
def env(
    tmp_path_factory: pytest.TempPathFactory,
    servers: dict[str, str],
    _fake_services: dict[str, FakeService],
) -> Mapping[str, str]:
    """The settings of the service."""
    return settings_for_tests("social", tmp_path_factory.mktemp("social"), servers) | {
        "AUTH_SERVICE_URL": _fake_services["auth"].url,
        "AUTH_SERVICE_SECRET": "current-test-secret",
        "CHAT_SERVICE_URL": _fake_services["chat"].url,
        "CHAT_SERVICE_SECRET": "current-test-secret",
        "RATE_LIMITS": "off",
    }


@pytest.fixture(scope="session")
def _app(env: Mapping[str, str]) -> Iterator[Flask]:
    app = create_app(env)
    with migrated(app, db):
        yield app


@pytest.fixture(scope="session")
def _cast(_app: Flask) -> Rows:
    for user_id, name in NAMES.items():
        make_account(_app, user_id, name)
    return rows_of(_app, db)


@pytest.fixture
def app(_app: Flask, _cast: Rows, fake_services: dict[str, FakeService]) -> Iterator[Flask]:
    """The service with the accounts of alice, bob, carol and dave."""
    yield _app
    reset_tables(_app, db, _cast)


@pytest.fixture
def limited(app: Flask, env: Mapping[str, str]) -> Iterator[Callable[..., Flask]]:
    """The service with rate limits and other settings."""
    made = []

    def configure(**settings: str) -> Flask:
        made.append(create_app({**env, "RATE_LIMITS": "on", **settings}))
        return made[-1]

    yield configure
    made.append(create_app(env))
    for each in made:
        with each.app_context():
            db.engine.dispose()


@pytest.fixture
def chat(fake_services: dict[str, FakeService]) -> FakeService:
    """The fake chat service."""
    return fake_services["chat"]


@pytest.fixture
def auth(fake_services: dict[str, FakeService]) -> FakeService:
    """The fake auth service."""
    return fake_services["auth"]
