"""Alembic, run from the service's own command instead of from configuration files."""

from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from shared.db import Database, UtcDateTime


def upgrade(db: Database, folder: Path, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrate the database of ``db`` with the history in ``folder``.

    Returns:
        the schema's revision before and after.
    """
    return _migrate(command.upgrade, db, folder, revision)


def downgrade(db: Database, folder: Path, revision: str) -> tuple[str | None, str | None]:
    """Take the schema back to ``revision`` (``base``: no tables)."""
    return _migrate(command.downgrade, db, folder, revision)


def _migrate(
    direction: Any, db: Database, folder: Path, revision: str
) -> tuple[str | None, str | None]:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["metadata"] = db.tables
    with db.engine.connect() as connection:
        before = _revision(connection)
        connection.rollback()
        config.attributes["connection"] = connection
        direction(config, revision)
        connection.commit()
        return before, _revision(connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _as_written(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Migrations outlive our code, so they name SQLAlchemy's types only."""
    return (
        "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False
    )


def run_environment() -> None:
    """What a service's ``migrations/env.py`` does."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=context.config.attributes["metadata"],
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=_as_written,
    )
    with context.begin_transaction():
        context.run_migrations()
