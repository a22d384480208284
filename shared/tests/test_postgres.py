"""PostgreSQL servers and poolers: requirements of connections, and errors."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import literal_column, make_url, select, text

from shared.data.columns import UtcDateTime
from shared.data.db import Database
from shared.data.postgres import SharedSessionsError, refuse_shared_sessions
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.databases import administer, read_only, settings_for_tests
from shared.testing.pgbouncer import is_installed, pgbouncer
from shared.tests.conftest import event
from shared.tests.tiny import db as tiny_db
from shared.tests.versions import connected
from shared.web.errors import SERVICE_UNAVAILABLE

pytestmark = pytest.mark.database
needs_pgbouncer = pytest.mark.skipif(
    not is_installed() and "CI" not in os.environ, reason="NOT TESTED: there is no PgBouncer"
)


@pytest.fixture
def database(tmp_path: Path, servers: dict[str, str]) -> str:
    """The URL of an empty database whose sessions are in another time zone."""
    if not servers:
        pytest.skip("of PostgreSQL alone")
    url = settings_for_tests(tmp_path.name, tmp_path, servers)["DATABASE_URL"]
    place = make_url(url)
    administer(place, f"ALTER DATABASE \"{place.database}\" SET timezone = 'Asia/Shanghai'")
    return url


@contextmanager
def _behind_pgbouncer(database: str, folder: Path, mode: str, more: str = "") -> Iterator[Database]:
    place = make_url(database)
    with (
        pgbouncer(Path(str(place.query["host"])), mode, more) as url,
        connected(folder, url.format(place.database)) as db,
    ):
        yield db


@needs_pgbouncer
@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options"])
def test_sessions_through_pgbouncer_have_their_timeouts_and_times_of_utc(
    database: str, tmp_path: Path, more: str
) -> None:
    with _behind_pgbouncer(database, tmp_path, "session", more) as db:
        refuse_shared_sessions(db.engine)
        settings = {
            name: db.execute(text(f"SHOW {name}")).scalar_one()
            for name in (
                "timezone",
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
            )
        }

    assert settings == {
        "timezone": "UTC",
        "statement_timeout": "10s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
    }


@needs_pgbouncer
@pytest.mark.parametrize("more", ["", "server_round_robin = 1", "default_pool_size = 1"])
def test_a_pooler_that_shares_sessions_is_refused(database: str, tmp_path: Path, more: str) -> None:
    with (
        _behind_pgbouncer(database, tmp_path, "transaction", more) as db,
        pytest.raises(SharedSessionsError, match=r"^DATABASE_URL: .*pool_mode = session"),
    ):
        refuse_shared_sessions(db.engine)


def test_times_are_utc_in_any_time_zone_of_a_session(database: str, tmp_path: Path) -> None:
    with connected(tmp_path, database) as db:
        db.execute(text("SET timezone = 'Asia/Shanghai'"))
        now = db.execute(select(literal_column("now()", UtcDateTime()))).scalar_one()

    assert now.tzinfo is UTC


def test_a_database_that_only_reads_is_unavailable_to_writers_and_counted(
    app: Flask, deliver: Callable[..., Reply]
) -> None:
    counted = _failures()

    with read_only(app, tiny_db):
        assert_error(deliver(event()), SERVICE_UNAVAILABLE)

    assert _failures() == counted + 1


def test_a_database_that_only_reads_can_be_had(app: Flask, servers: dict[str, str]) -> None:
    with read_only(app, tiny_db), app.app_context():
        state = tiny_db.state()
        tiny_db.release()
        tiny_db.engine.dispose()

    assert state == ("read-only" if servers else "ok")


def test_a_refused_write_lets_the_next_one_find_a_server_that_writes(
    app: Flask, deliver: Callable[..., Reply]
) -> None:
    with read_only(app, tiny_db):
        deliver(event())

    assert deliver(event()).status_code == 200


def test_a_connection_lost_before_the_account_is_checked_is_503(
    alice: ApiClient, servers: dict[str, str]
) -> None:
    if not servers:
        pytest.skip("of PostgreSQL alone")

    assert_error(alice.get("/lost"), SERVICE_UNAVAILABLE)
    assert alice.get("/me").status_code == 200


def _failures() -> float:
    return REGISTRY.get_sample_value("ims_database_failures_total") or 0
