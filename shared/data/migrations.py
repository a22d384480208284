"""Alembic, run from the service's own command instead of from configuration files.

Only that command needs this module; a program that serves does without Alembic's 10 MB.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, event, func, select, text

from shared.data.columns import UtcDateTime
from shared.data.db import Database
from shared.data.revisions import revision_number
from shared.data.schema import SchemaMismatchError, current_revision

_LOCK = 0x494D53  # "IMS": known to nobody else in the service's own database.
_LOCK_POLL_INTERVAL = 0.2


def migrate(db: Database, folder: Path, to: str = "head") -> tuple[str | None, str | None]:
    """Take the schema up or down to a revision; one migration at a time, others wait.

    Going to the head never goes down: a schema ahead of this code is left as it is.

    Args:
        db: the database.
        folder: the service's history of its schema.
        to: the revision; ``head`` is the newest, ``base`` is no tables.

    Returns:
        the schema's revision before and after.

    Raises:
        SchemaMismatchError: there is no way from the one to the other.
    """
    try:
        return _migrate(db, folder, to)
    except CommandError as error:
        raise SchemaMismatchError(str(error)) from error


def _migrate(db: Database, folder: Path, to: str) -> tuple[str | None, str | None]:
    config = alembic_config(folder)
    config.attributes["metadata"] = db.metadata
    history = ScriptDirectory.from_config(config)
    with db.engine.connect() as connection, _discard_after_use(connection):
        _acquire_lock(connection)
        before = current_revision(connection)
        wanted = None if to == "base" else str(history.get_revision(to).revision)
        config.attributes["connection"] = connection
        if revision_number(wanted) >= revision_number(before):
            command.upgrade(config, to)
        elif to != "head":
            command.downgrade(config, to)
        return before, current_revision(connection)


def alembic_config(folder: Path) -> Config:
    """Where Alembic finds the history in ``folder``."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


def run_environment() -> None:
    """What a service's ``migrations/env.py`` does; without a connection: SQL for PostgreSQL."""
    attributes = context.config.attributes
    connection: Connection | None = attributes.get("connection")
    dialect = connection.dialect.name if connection else "postgresql"
    context.configure(
        connection=connection,
        dialect_name=dialect,
        target_metadata=attributes.get("metadata"),
        render_as_batch=dialect == "sqlite",
        render_item=_render_item,
        transactional_ddl=True,
        transaction_per_migration=dialect == "postgresql",
    )
    with context.begin_transaction():
        context.run_migrations()
        if connection and dialect == "sqlite":
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            assert lost is None, f"a migration left a row that refers to nothing: {lost}"


@contextmanager
def _discard_after_use(connection: Connection) -> Iterator[None]:
    """Let nobody else get the connection: its lock and its settings end with it."""
    try:
        yield
    finally:
        connection.invalidate()


def _acquire_lock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        event.listen(connection, "begin", _begin_immediate)
        # A table is changed by making it anew, and dropping the old one would cascade. The
        # driver is told so itself: inside a transaction SQLite would not listen.
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        return
    # Alembic itself steps out of this for what must not stand in a transaction.
    connection.execution_options(isolation_level="READ COMMITTED")
    connection.execute(text("SET statement_timeout = 0"))  # An index may take its time.
    connection.commit()
    # Asked again and again: a statement that waits would hold up CREATE INDEX CONCURRENTLY.
    while not connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one():
        connection.rollback()
        time.sleep(_LOCK_POLL_INTERVAL)
    connection.commit()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Migrations outlive our code, so they name SQLAlchemy's types only."""
    return (
        "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False
    )
