"""The database of a service under test."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from flask import Flask
from sqlalchemy import URL, Connection, Table, create_engine, event, text
from sqlalchemy.exc import OperationalError

from shared.data.db import Database
from shared.data.migrations import migrate
from shared.testing.tokens import PUBLIC_KEYS_PEM


def settings_for_tests(service: str, folder: Path, servers: Mapping[str, str]) -> dict[str, str]:
    """Create the settings that every service needs, with a database for this test process.

    Args:
        service: the name of the service.
        folder: the folder for its data.
        servers: the fixture of this name.
    """
    settings = {
        "DATA_DIR": str(folder),
        "JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM,
        "INTERNAL_SECRETS": "current-test-secret,previous-test-secret",
        "SQLITE_SYNCHRONOUS": "NORMAL",
        "LOG_LEVEL": "WARNING",
    }
    if servers:
        postgres = servers["postgres"]
        name = f"{service}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}_{os.getpid()}"
        server = create_engine(postgres, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        server.dispose()
        settings["DATABASE_URL"] = postgres.replace("/postgres?", f"/{name}?")
        settings["REDIS_URL"] = servers["redis"]
    return settings


@contextmanager
def migrated(app: Flask, db: Database) -> Iterator[None]:
    """Create the tables by the service's migrations; close the connections at the end."""
    with app.app_context():
        migrate(db, Path(app.root_path) / "migrations")
    yield
    with app.app_context():
        db.engine.dispose()


Rows = Mapping[Table, Sequence[dict[str, Any]]]


def rows_of(app: Flask, db: Database) -> Rows:
    """Get all rows by table, for `reset_tables`."""
    with app.app_context(), db.engine.connect() as connection:
        by_table = {
            table: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in db.metadata.sorted_tables
        }
    return {table: rows for table, rows in by_table.items() if rows}


def reset_tables(app: Flask, db: Database, rows: Rows) -> None:
    """Delete every row, restart the generated ids, and insert ``rows``.

    A server under test may write concurrently, and PostgreSQL aborts one of two deadlocked
    transactions, so this is retried.
    """
    attempts = 3
    with app.app_context():
        while True:
            attempts -= 1
            try:
                with db.transaction():
                    _reset_tables(db.session.connection(), db, rows)
                return
            except OperationalError:
                if attempts == 0:
                    raise


def _reset_tables(connection: Connection, db: Database, rows: Rows) -> None:
    tables = db.metadata.sorted_tables
    statements = [str(table.delete()) for table in reversed(tables)]
    if not db.is_sqlite:  # TRUNCATE would make new files, which takes a hundred times as long.
        statements.append("SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence")
        statements = ["; ".join(statements)]
    elif any(table.dialect_options["sqlite"]["autoincrement"] for table in tables):
        statements.append("DELETE FROM sqlite_sequence")
    for statement in statements:
        connection.exec_driver_sql(statement)
    for table, some in rows.items():
        connection.execute(table.insert(), some)


@contextmanager
def read_only(app: Flask, db: Database) -> Iterator[None]:
    """Reject every write of new connections inside the block, like a standby or a full disk."""
    with app.app_context():
        engine, name = db.engine, db.engine.url.database
    change = f'ALTER DATABASE "{name}"'

    def refuse_writes(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    if is_sqlite := engine.dialect.name == "sqlite":
        event.listen(engine, "connect", refuse_writes)
    else:
        administer(engine.url, f"{change} SET default_transaction_read_only = on")
    engine.dispose()
    try:
        yield
    finally:
        if is_sqlite:
            event.remove(engine, "connect", refuse_writes)
            engine.dispose()
        else:
            administer(engine.url, f"{change} RESET default_transaction_read_only")


def administer(database: URL, statement: str) -> None:
    """Run a statement in the maintenance database of the server of ``database``."""
    server = create_engine(database.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()


def everything_in(app: Flask, db: Database) -> str:
    """Return all rows of all tables as text, to search in."""
    with app.app_context(), db.engine.connect() as connection:
        return "\n".join(
            f"{table.name} {tuple(row)}"
            for table in db.metadata.sorted_tables
            for row in connection.execute(table.select())
        )


def exported(app: Flask, account_id: int, folder: Path) -> ZipFile:
    """Run ``accounts export`` for an account, and open the archive."""
    path = folder / "export.zip"
    done = app.test_cli_runner().invoke(args=["accounts", "export", str(account_id), str(path)])
    assert done.exit_code == 0, done.output
    return ZipFile(path)


@contextmanager
def counted_queries(app: Flask, db: Database) -> Iterator[list[str]]:
    """Collect the statements inside the block, without BEGIN and the like."""
    statements: list[str] = []

    def count(_c: object, _k: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            statements.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", count)
