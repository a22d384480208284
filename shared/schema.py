"""Whether the code works on the tables that are there.

A revision is named ``0003`` or ``0003_since_0001``. The second name is a promise: code from
revision 0001 on works on this schema as well, so that two versions can run side by side.
"""

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from shared.db import Database

_REVISION = re.compile(r"^revision = [\"'](\w+)[\"']$", re.MULTILINE)


class WrongSchema(Exception):
    """The code cannot work on the database; the text says why, and what to run."""


def check_schema(db: Database, folder: Path) -> None:
    """Make sure that this code works on the schema that is there.

    Args:
        db: the database.
        folder: the service's history of its schema; its files are sorted by their names.

    Raises:
        WrongSchema: the schema is older than the code, or so new that it makes no promise.
    """
    ours = _REVISION.findall(max(folder.glob("versions/[0-9]*.py")).read_text())[0]
    with db.engine.connect() as connection:
        theirs = revision_of(connection)
    said = f"the database is at revision {theirs or 'base'}, this version at {ours}"
    if number_of(theirs) < number_of(ours):
        raise WrongSchema(f"{said}; run: python -m {folder.parent.name} migrate")
    if number_of(ours) < _oldest_code(theirs):
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


def number_of(revision: str | None) -> int:
    """The place of a revision in the history; 0 for none."""
    return int(revision.partition("_")[0]) if revision else 0


def _oldest_code(revision: str | None) -> int:
    """The number of the oldest revision whose code works on the schema of ``revision``."""
    return int(revision.rpartition("_since_")[2]) if revision else 0
