"""Whether the code works on the tables that are there."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from shared.data.db import Database
from shared.data.revisions import newest_revision, number_of, oldest_code


class WrongSchema(Exception):
    """The code cannot work on the database; the text says why, and what to run."""


def check_schema(db: Database, folder: Path) -> None:
    """Make sure that this code works on the schema that is there.

    Args:
        db: the database.
        folder: the service's history of its schema.

    Raises:
        WrongSchema: the schema is older than the code, or so new that it makes no promise.
    """
    ours = newest_revision(folder)
    with db.engine.connect() as connection:
        theirs = revision_of(connection)
    said = f"the database is at revision {theirs or 'base'}, this version at {ours}"
    if number_of(theirs) < number_of(ours):
        raise WrongSchema(f"{said}; run: python -m {folder.parent.name} migrate")
    if number_of(ours) < oldest_code(theirs):
        raise WrongSchema(
            f"{said}, which cannot work on it; run a newer version, or with the newer one: "
            f"python -m {folder.parent.name} migrate --to {ours}"
        )


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema that is there."""
    known = inspect(connection).has_table("alembic_version")
    revision = known and connection.scalar(text("SELECT version_num FROM alembic_version"))
    connection.rollback()
    return revision or None
