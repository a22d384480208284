"""Alembic migrations, run by the service's own command instead of configuration files.

Only that command imports this module, so a serving program does not load Alembic (10 MB).
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

_LOCK = 0x494D53  # "IMS": not used for other locks in the service's own database.
_LOCK_POLL_INTERVAL = 0.2


def migrate(db: Database, folder: Path, to: str = "head") -> tuple[str | None, str | None]:
    """Migrate the schema up or down to a revision. Concurrent migrations wait for each other.

    ``head`` never migrates down: a schema that is newer than this code is left as it is.

    Args:
        db: the database.
        folder: the service's migrations.
        to: the revision; ``head`` is the newest, ``base`` is no tables.

    Returns:
        the schema's revision before and after.

    Raises:
        SchemaMismatchError: there is no path between the two.
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
    """Create the configuration for the migrations in ``folder``."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


def run_environment() -> None:
    """Run a service's ``migrations/env.py``; without a connection, generate SQL for PostgreSQL."""
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
    """Discard the connection after use, and with it its lock and settings."""
    try:
        yield
    finally:
        connection.invalidate()


def _acquire_lock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        event.listen(connection, "begin", _begin_immediate)
        # A table is changed by recreating it, and dropping the old one would cascade. The
        # statement goes to the driver, because SQLite ignores it in a transaction.
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        return
    # Alembic leaves this transaction for statements that do not support one.
    connection.execution_options(isolation_level="READ COMMITTED")
    connection.execute(text("SET statement_timeout = 0"))  # Creating an index can take long.
    connection.commit()
    # Polled: a waiting statement would block CREATE INDEX CONCURRENTLY.
    while not connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one():
        connection.rollback()
        time.sleep(_LOCK_POLL_INTERVAL)
    connection.commit()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Render UtcDateTime as SQLAlchemy's type, because migrations outlive our code."""
    return (
        "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False
    )
