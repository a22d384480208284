"""Dump databases in use, and load dumps into databases without connections."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, MetaData, NullPool, create_engine, exists, make_url, select
from sqlalchemy.exc import DBAPIError

from deploy.programs import load_service_settings
from shared.settings import database_url


class OperationError(Exception):
    """A backup or restore failed; the text is a line for the operator."""


DATABASE_ERRORS = (OperationError, sqlite3.Error, psycopg.Error, DBAPIError)
"""Errors of database operations."""


class Database(Protocol):
    """The database of one service.

    Attributes:
        kind: of its dumps. A database loads only dumps of its own kind.
        url: the database URL.
    """

    kind: str
    url: URL

    def dump(self, to: Path) -> None:
        """Write a consistent snapshot to a new file without blocking other connections."""

    def load(self, dump: Path) -> None:
        """Replace all data by a dump."""

    def has_connections(self) -> bool:
        """Whether there are other connections, as far as the database knows."""


def get_database(service: str, env: Mapping[str, str]) -> Database:
    """Open the database of a service in the environment of all programs.

    Raises:
        SettingsError: the database URL is invalid.
    """
    url = make_url(database_url(load_service_settings(service, env), service))
    return SqliteFile(url) if url.get_dialect().name == "sqlite" else PostgresDatabase(url)


def is_empty(database: Database) -> bool:
    """Whether there are no rows, except the schema revision."""
    tables = _tables(database)
    with create_engine(database.url, poolclass=NullPool).connect() as connection:
        return not any(
            connection.scalar(select(exists().select_from(table)))
            for table in tables.sorted_tables
            if table.name != "alembic_version"
        )


class SqliteFile:
    """A SQLite database file."""

    kind = "sqlite"

    def __init__(self, url: URL) -> None:
        self.url = url
        self._path = Path(url.database or "")

    def dump(self, to: Path) -> None:
        """Copy the database with SQLite's online backup."""
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # Only one file, without a WAL.
            [[verdict]] = copy.execute("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise OperationError(f"{self._path} is damaged: {verdict}")

    def load(self, dump: Path) -> None:
        """Copy the file, and delete the WAL of the former one."""
        unfinished = self._path.with_suffix(".restoring")
        shutil.copyfile(dump, unfinished)
        for belonging in ("-wal", "-shm"):
            self._path.with_name(self._path.name + belonging).unlink(missing_ok=True)
        unfinished.rename(self._path)

    def has_connections(self) -> bool:
        """SQLite cannot tell; the lock on the data folder protects it."""
        return False


class PostgresDatabase:
    """A PostgreSQL database, dumped and restored with PostgreSQL's tools."""

    kind = "postgresql"

    def __init__(self, url: URL) -> None:
        self.url = url
        _, arguments = url.get_dialect()().create_connect_args(url)
        self._password = str(arguments.pop("password", ""))  # Arguments of processes are public.
        self._place = make_conninfo(**arguments)

    def dump(self, to: Path) -> None:
        """Dump in the custom format of ``pg_dump``."""
        self._run("pg_dump", "--format=custom", f"--file={to}")

    def load(self, dump: Path) -> None:
        """Drop all tables and restore those of the dump, in one transaction."""
        _tables(self).drop_all(create_engine(self.url, poolclass=NullPool))
        self._run("pg_restore", "--single-transaction", "--exit-on-error", str(dump))

    def has_connections(self) -> bool:
        """Whether there are other connections."""
        with self._connection() as connection:
            [others] = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchone() or [0]
            return bool(others)

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self._place, password=self._password or None)

    def _run(self, tool: str, *arguments: str) -> None:
        with self._connection() as connection:
            major = connection.info.server_version // 10_000
        done = subprocess.run(
            [
                _find_tool(tool, major),
                *arguments,
                "--no-owner",
                "--no-acl",
                f"--dbname={self._place}",
            ],
            env=os.environ | ({"PGPASSWORD": self._password} if self._password else {}),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OperationError(f"{tool}: {done.stderr.strip()}")


def _find_tool(name: str, major: int) -> Path:
    """Find a tool of the server's version or newer; older tools reject the server."""
    folders = [*os.get_exec_path(), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    versions = {
        _major_version(tool): tool
        for tool in (Path(folder) / name for folder in folders)
        if os.access(tool, os.X_OK)
    }
    fitting = min((version for version in versions if version >= major), default=None)
    if fitting is None:
        raise OperationError(
            f"{name} of PostgreSQL {major} is needed, as the server is, and is not on the PATH "
            f"(found: {', '.join(map(str, sorted(versions))) or 'none'}); "
            f"on Debian and Ubuntu: apt install postgresql-client-{major}"
        )
    return versions[fitting]


def _major_version(tool: Path) -> int:
    output = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"\d+", output)
    return int(version[0]) if version else 0


def _tables(database: Database) -> MetaData:
    tables = MetaData()
    tables.reflect(create_engine(database.url, poolclass=NullPool))
    return tables
