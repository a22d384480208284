"""The auth service under test, and its clients."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from argon2 import PasswordHasher
from flask import Flask

from auth_service.app import create_app
from auth_service.db import db
from auth_service.domain import passwords
from auth_service.tests.factories import ALICE, BOB, make_account
from shared.testing.client import ApiClient
from shared.testing.databases import migrated, reset_tables, settings_for_tests
from shared.testing.fake_services import FakeService
from shared.testing.s3 import bucket_settings, media_keys
from shared.testing.tokens import PRIVATE_KEY_PEM, issue


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """Hash passwords at the least cost: in 0.02 instead of 20 milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_argon2", hasher)
        yield


@pytest.fixture(scope="session")
def env(
    tmp_path_factory: pytest.TempPathFactory,
    servers: dict[str, str],
    _fake_services: dict[str, FakeService],
) -> Mapping[str, str]:
    """The settings of the service."""
    media = bucket_settings(servers["s3"], "auth") if servers else {}
    return (
        settings_for_tests("auth", tmp_path_factory.mktemp("auth"), servers)
        | media
        | {
            "JWT_PRIVATE_KEY": PRIVATE_KEY_PEM,
            "RATE_LIMITS": "off",
            "SMTP_TIMEOUT_SECONDS": "0.5",
            "SOCIAL_SERVICE_URL": _fake_services["social"].url,
            "SOCIAL_SERVICE_SECRET": "current-test-secret",
            "CHAT_SERVICE_URL": _fake_services["chat"].url,
            "CHAT_SERVICE_SECRET": "current-test-secret",
        }
    )


@pytest.fixture(scope="session")
def _app(env: Mapping[str, str]) -> Iterator[Flask]:
    app = create_app(env)
    with migrated(app, db):
        yield app


@pytest.fixture
def app(_app: Flask, fake_services: dict[str, FakeService]) -> Iterator[Flask]:
    """The service, with empty tables before and after."""
    yield _app
    reset_tables(_app, db, {})


@pytest.fixture
def configured(app: Flask, env: Mapping[str, str]) -> Iterator[Callable[..., ApiClient]]:
    """Configure the service with other settings; return a client without a token."""
    made = []

    def configure(**settings: str) -> ApiClient:
        made.append(create_app({**env, **settings}))
        return ApiClient(made[-1])

    yield configure
    made.append(create_app(env))
    for each in made:
        with each.app_context():
            db.engine.dispose()


@pytest.fixture
def media(env: Mapping[str, str]) -> Callable[[], set[str]]:
    """The keys of the images in the store."""
    before = media_keys(env)
    return lambda: media_keys(env) - before


@pytest.fixture
def anonymous(app: Flask) -> ApiClient:
    """A client without a token."""
    return ApiClient(app)


@pytest.fixture
def alice(app: Flask) -> ApiClient:
    """Account 1, signed in."""
    make_account(app, ALICE, "Alice")
    return ApiClient(app, issue(ALICE), ALICE)


@pytest.fixture
def bob(app: Flask) -> ApiClient:
    """Account 2, signed in."""
    make_account(app, BOB, "Bob")
    return ApiClient(app, issue(BOB), BOB)
