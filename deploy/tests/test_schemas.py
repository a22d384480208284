"""Whether a start must migrate first."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import pytest

from deploy.environment import environment_for_new_run
from deploy.programs import SERVICES
from deploy.run import ROOT
from deploy.schemas import are_current
from shared.data.revisions import newest_revision
from shared.testing.postgres import postgres_server


def _record(url: str, revision: str) -> None:
    """Set the revision of a database, as Alembic records it."""
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        with suppress(sqlite3.OperationalError):
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("DELETE FROM alembic_version")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [revision])


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    """The environment of the programs with empty data."""
    (tmp_path / "run").mkdir()
    return environment_for_new_run(tmp_path, dict.fromkeys(SERVICES, "http://127.0.0.1:1"), {})


def test_fresh_data_is_migrated(env: Mapping[str, str]) -> None:
    assert not are_current(ROOT, env)


def test_databases_at_the_newest_revision_are_left_alone(
    env: Mapping[str, str], tmp_path: Path
) -> None:
    for service in SERVICES:
        newest = newest_revision(ROOT / service / "migrations")
        _record(f"sqlite:///{tmp_path}/{service.removesuffix('_service')}.db", newest)

    assert are_current(ROOT, env)

    _record(f"sqlite:///{tmp_path}/social.db", "0001")
    assert not are_current(ROOT, env)


def test_databases_of_a_server_are_looked_at_as_well(env: Mapping[str, str]) -> None:
    with postgres_server() as server:
        urls = {
            f"{service.upper()}_DATABASE_URL": server.create_database(service)
            for service in SERVICES
        }
        empty = are_current(ROOT, {**env, **urls})
        for service in SERVICES:
            newest = newest_revision(ROOT / service / "migrations")
            server.sql(f"SELECT '{newest}' AS version_num INTO alembic_version", service)

        assert (empty, are_current(ROOT, {**env, **urls})) == (False, True)
