"""Schemas migrate up and down, one migration at a time, and code runs only on compatible ones."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from shared.data.db import Database
from shared.data.migrations import migrate
from shared.data.schema import SchemaMismatchError, check_schema
from shared.testing.databases import settings_for_tests
from shared.tests.versions import INCOMPATIBLE, NAMES, SLOW, TABLES, Version, connected

pytestmark = pytest.mark.database


@pytest.fixture
def url(tmp_path: Path, servers: dict[str, str]) -> str:
    """The URL of an empty database; empty for SQLite in the test's folder."""
    return settings_for_tests(tmp_path.name, tmp_path, servers).get("DATABASE_URL", "")


@pytest.fixture
def db(tmp_path: Path, url: str) -> Iterator[Database]:
    with connected(tmp_path, url) as db:
        yield db


@pytest.fixture
def old(tmp_path: Path) -> Version:
    return Version(tmp_path / "old", TABLES)


@pytest.fixture
def new(tmp_path: Path) -> Version:
    return Version(tmp_path / "new", TABLES, NAMES)


@pytest.fixture
def newest(tmp_path: Path) -> Version:
    return Version(tmp_path / "newest", TABLES, NAMES, INCOMPATIBLE)


def test_code_works_on_the_schema_it_was_written_for(db: Database, new: Version) -> None:
    assert migrate(db, new.folder) == (None, "0002_since_0001")

    check_schema(db, new.folder)


def test_an_empty_database_is_refused_with_what_to_run(db: Database, new: Version) -> None:
    with pytest.raises(SchemaMismatchError, match=r"base.*; run: python -m some_service migrate$"):
        check_schema(db, new.folder)


def test_a_schema_behind_the_code_is_refused(db: Database, old: Version, new: Version) -> None:
    migrate(db, old.folder)

    with pytest.raises(
        SchemaMismatchError, match="at revision 0001, this version at 0002_since_0001"
    ):
        check_schema(db, new.folder)


def test_older_code_works_on_a_newer_schema_that_promises_it(
    db: Database, old: Version, new: Version
) -> None:
    migrate(db, new.folder)

    check_schema(db, old.folder)


def test_older_code_refuses_a_newer_schema_without_the_promise(
    db: Database, new: Version, newest: Version
) -> None:
    migrate(db, newest.folder)

    with pytest.raises(SchemaMismatchError, match=r"migrate --to 0002_since_0001$"):
        check_schema(db, new.folder)


def test_migrating_with_older_code_leaves_a_newer_schema_alone(
    db: Database, old: Version, new: Version
) -> None:
    migrate(db, new.folder)

    assert migrate(db, old.folder) == ("0002_since_0001", "0002_since_0001")


def test_a_revision_is_gone_to_in_either_direction(db: Database, newest: Version) -> None:
    gone = [migrate(db, newest.folder, to)[1] for to in ("0001", "0003", "0002", "base")]

    assert gone == ["0001", "0003", "0002_since_0001", None]
    assert inspect(db.engine).get_table_names() == ["alembic_version"]


def test_changing_a_table_preserves_rows_that_reference_it(
    db: Database, old: Version, new: Version
) -> None:
    migrate(db, old.folder)
    with db.transaction():
        db.session.execute(text("INSERT INTO groups (id) VALUES (1)"))
        db.session.execute(text("INSERT INTO members (id, group_id) VALUES (7, 1)"))

    migrate(db, new.folder)
    migrate(db, new.folder, "0001")

    with db.transaction():
        assert db.session.execute(text("SELECT id, group_id FROM members")).all() == [(7, 1)]


def test_replicas_that_migrate_at_once_wait_for_each_other(
    db: Database, url: str, tmp_path: Path
) -> None:
    version = Version(tmp_path / "slow", SLOW)
    program = [sys.executable, "-m", "shared.tests.versions"]
    command = [*program, str(tmp_path), url, str(version.folder)]

    replicas = [subprocess.Popen(command) for _ in range(3)]

    assert [replica.wait() for replica in replicas] == [0, 0, 0]
    check_schema(db, version.folder)
