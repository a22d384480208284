"""The tiny service under test, and its clients."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from flask import Flask

from shared.data.client import SECRET_HEADER
from shared.testing.client import ApiClient, Reply
from shared.testing.contracts import state
from shared.testing.databases import reset_tables, settings_for_tests
from shared.testing.fake_services import FakeService
from shared.testing.tokens import issue
from shared.tests.tiny import create_app, db, erased

ALICE = 1
SECRET = "current-test-secret"


@pytest.fixture(scope="session")
def env(
    tmp_path_factory: pytest.TempPathFactory,
    servers: dict[str, str],
    _fake_services: dict[str, FakeService],
) -> Mapping[str, str]:
    """The settings of the tiny service."""
    return settings_for_tests("tiny", tmp_path_factory.mktemp("tiny"), servers) | {
        "AUTH_SERVICE_URL": _fake_services["auth"].url,
        "AUTH_SERVICE_SECRET": SECRET,
        "CHAT_SERVICE_URL": _fake_services["chat"].url,
        "CHAT_SERVICE_SECRET": SECRET,
    }


@pytest.fixture(scope="session")
def _app(env: Mapping[str, str]) -> Iterator[Flask]:
    app = create_app(env)
    with app.app_context():
        db.create_all()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(_app: Flask, fake_services: dict[str, FakeService]) -> Iterator[Flask]:
    """The tiny service, with empty tables before and after."""
    yield _app
    erased.clear()
    reset_tables(_app, db, {})


@pytest.fixture
def deliver(app: Flask) -> Callable[..., Reply]:
    """Deliver events to the service; return the response."""

    def deliver(*events: Any, secret: str = SECRET, **request: Any) -> Reply:
        request = request or {"json": {"events": list(events)}}
        headers = {SECRET_HEADER: secret}
        return ApiClient(app).post("/internal/events", headers=headers, **request)

    return deliver


def account(account_id: int = ALICE, **fields: Any) -> dict[str, Any]:
    """Create the state of an account."""
    return state("account", **{"id": account_id, "name": f"user{account_id}"} | fields)


def event(**fields: Any) -> dict[str, Any]:
    """Create an event with an account's state."""
    return {"type": "account", "state": account(**fields)}


@pytest.fixture
def alice(app: Flask, deliver: Callable[..., Reply]) -> ApiClient:
    """A signed-in client whose account is copied."""
    deliver(event())
    return ApiClient(app, issue(ALICE), ALICE)
