"""Check whether the code supports the schema of the database."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from shared.data.db import Database
from shared.data.revisions import newest_revision, oldest_code, revision_number


class SchemaMismatchError(Exception):
    """The code does not support the schema; the text contains the reason and the command to run."""


def check_schema(db: Database, folder: Path) -> None:
    """Check that this code supports the schema of the database.

    Args:
        db: the database.
        folder: the service's migrations.

    Raises:
        SchemaMismatchError: the schema is older than the code, or too new for it.
    """
    code_revision = newest_revision(folder)
    with db.engine.connect() as connection:
        database_revision = current_revision(connection)
    reason = (
        f"the database is at revision {database_revision or 'base'}, "
        f"this version at {code_revision}"
    )
    if revision_number(database_revision) < revision_number(code_revision):
        raise SchemaMismatchError(f"{reason}; run: python -m {folder.parent.name} migrate")
    if revision_number(code_revision) < oldest_code(database_revision):
        raise SchemaMismatchError(
            f"{reason}, which cannot work on it; run a newer version, or with the newer one: "
            f"python -m {folder.parent.name} migrate --to {code_revision}"
        )


def current_revision(connection: Connection) -> str | None:
    """Get the revision of the schema."""
    known = inspect(connection).has_table("alembic_version")
    revision = known and connection.scalar(text("SELECT version_num FROM alembic_version"))
    connection.rollback()
    return revision or None
