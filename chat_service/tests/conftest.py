"""The chat service under test, with the accounts of alice, bob, carol and dave."""

from collections.abc import Iterator

import pytest
from flask import Flask

from chat_service.app import create_app
from chat_service.db import db
from chat_service.tests.factories import make_account
from chat_service.tests.live_server import LiveSocket, Server, run_server
from shared.testing.cast import NAMES
from shared.testing.databases import Rows, migrated, reset_tables, rows_of, settings_for_tests
from shared.testing.fake_services import FakeService
from shared.testing.s3 import bucket_settings


@pytest.fixture(scope="session")
def settings(
    tmp_path_factory: pytest.TempPathFactory,
    servers: dict[str, str],
    _fake_services: dict[str, FakeService],
) -> dict[str, str]:
    """The settings of the service."""
    media = bucket_settings(servers["s3"], "chat") if servers else {}
    return (
        settings_for_tests("chat", tmp_path_factory.mktemp("chat"), servers)
        | media
        | {
            "AUTH_SERVICE_URL": _fake_services["auth"].url,
            "AUTH_SERVICE_SECRET": "current-test-secret",
            "SOCIAL_SERVICE_URL": _fake_services["social"].url,
            "SOCIAL_SERVICE_SECRET": "current-test-secret",
            "RATE_LIMITS": "off",
        }
    )


@pytest.fixture(scope="session")
def _app(settings: dict[str, str]) -> Iterator[Flask]:
    app = create_app(settings)
    with migrated(app, db):
        yield app


@pytest.fixture(scope="session")
def _cast(_app: Flask) -> Rows:
    for user_id, name in NAMES.items():
        make_account(_app, user_id, name)
    return rows_of(_app, db)


@pytest.fixture
def app(_app: Flask, _cast: Rows, fake_services: dict[str, FakeService]) -> Iterator[Flask]:
    """The service, where alice, bob, carol and dave have accounts."""
    yield _app
    reset_tables(_app, db, _cast)


@pytest.fixture(scope="module")  # Its background tasks would disturb other modules.
def _server(settings: dict[str, str], _app: Flask) -> Iterator[Server]:
    narrow = {"WS_SOCKETS_PER_USER": "3", "WS_QUEUE_FRAMES": "128"}
    with run_server(settings | narrow) as server:
        yield server


@pytest.fixture
def server(app: Flask, _server: Server) -> Server:
    """The service under gunicorn with the database of ``app``, for live delivery.

    All frames of earlier tests are delivered.
    """
    for user_id in NAMES:
        LiveSocket(_server, user_id).leave()
    return _server
