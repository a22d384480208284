"""Dumps of databases: their contents, their destinations, and the tools."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from deploy import databases
from deploy.databases import Database, OperationError, PostgresDatabase, SqliteFile, is_empty
from shared.testing.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.slow

_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server for databases."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of the databases."""
    return str(request.param)


def _database(kind: str, folder: Path, request: pytest.FixtureRequest) -> Database:
    name = f"test{next(_numbers)}"
    if kind == "sqlite":
        return SqliteFile(make_url(f"sqlite:///{folder / name}.db"))
    server: PostgresServer = request.getfixturevalue("server")
    return PostgresDatabase(make_url(server.create_database(name)))


@pytest.fixture
def one(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Database:
    """An empty database."""
    return _database(kind, tmp_path, request)


@pytest.fixture
def other(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Database:
    """Another one."""
    return _database(kind, tmp_path, request)


def _run(database: Database, *statements: str) -> list[int]:
    with create_engine(database.url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            result = connection.execute(text(statement))
        return [row[0] for row in result] if result.returns_rows else []


def test_a_dump_takes_the_place_of_all_that_was_there(
    one: Database, other: Database, tmp_path: Path
) -> None:
    _run(one, "CREATE TABLE people (id INTEGER)", "INSERT INTO people VALUES (1)")
    _run(other, "CREATE TABLE people (name TEXT)", "CREATE TABLE lists (id INTEGER)")
    one.dump(tmp_path / "dump")

    other.load(tmp_path / "dump")

    assert _run(other, "SELECT id FROM people") == [1]
    with pytest.raises(Exception, match="lists"):
        _run(other, "SELECT * FROM lists")


def test_a_database_with_tables_and_no_rows_is_empty(one: Database) -> None:
    _run(one, "CREATE TABLE alembic_version (id INTEGER)", "INSERT INTO alembic_version VALUES (1)")
    _run(one, "CREATE TABLE people (id INTEGER)")
    before = is_empty(one)
    _run(one, "INSERT INTO people VALUES (1)")

    assert (before, is_empty(one)) == (True, False)


def test_a_connection_to_postgresql_is_seen(
    server: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = _database("postgresql", tmp_path, request)
    with ExitStack() as stack:
        stack.enter_context(create_engine(database.url, poolclass=NullPool).connect())
        used = database.has_connections()

    assert used


def test_a_tool_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(OperationError, match="apt install postgresql-client-99"):
        databases._find_tool("pg_dump", 99)


def test_a_damaged_file_is_not_saved(tmp_path: Path) -> None:
    database = SqliteFile(make_url(f"sqlite:///{tmp_path}/people.db"))
    _run(database, "CREATE TABLE people (id INTEGER)", "CREATE INDEX ids ON people (id)")
    _run(
        database,
        "INSERT INTO people WITH RECURSIVE numbers (id) AS "
        "(SELECT 1 UNION ALL SELECT id + 1 FROM numbers LIMIT 2000) SELECT id FROM numbers",
    )
    with (tmp_path / "people.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 64)

    with pytest.raises(OperationError, match="damaged"):
        database.dump(tmp_path / "dump")
