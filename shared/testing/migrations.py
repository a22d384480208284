"""Tests of every service's migrations."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import func, inspect, select

from shared.data.db import Database
from shared.data.migrations import alembic_config, migrate

# Rules of style, or about timeouts, which are settings of the connection.
_NOT_ABOUT_LOCKS = "prefer-identity,prefer-robust-stmts,prefer-text-field,require-timeout-settings"


def check_every_step_down_and_up(app: Flask, db: Database) -> None:
    """From the newest schema, go one revision down and up again, then the next, down to no tables.

    Rows of tables that a step leaves in place must exist after it and after its reversal.
    """
    folder = Path(app.root_path) / "migrations"
    steps = list(ScriptDirectory.from_config(alembic_config(folder)).walk_revisions())
    with app.app_context():
        for step in steps:
            full = _counts(db)
            migrate(db, folder, str(step.down_revision or "base"))
            reduced = _counts(db)
            assert reduced.items() <= full.items()
            migrate(db, folder, step.revision)
            assert {name: full[name] if name in reduced else 0 for name in full} == _counts(db)
            migrate(db, folder, str(step.down_revision or "base"))
        assert _counts(db) == {}
        migrate(db, folder)


def check_models_match_migrations(app: Flask, db: Database) -> None:
    """Check that a new migration would be empty."""
    with app.app_context(), db.engine.connect() as connection:
        schema = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(schema, db.metadata) == []


def check_migrations_block_no_requests(folder: Path, scratch: Path) -> None:
    """Check that no migration takes a PostgreSQL lock that blocks requests.

    Args:
        folder: the service's migrations.
        scratch: an empty folder.
    """
    files = []
    history = ScriptDirectory.from_config(alembic_config(folder))
    for step in history.walk_revisions():
        sql = StringIO()
        config = alembic_config(folder)
        config.output_buffer = sql
        command.upgrade(config, f"{step.down_revision or 'base'}:{step.revision}", sql=True)
        files.append(scratch / f"{step.revision}.sql")
        files[-1].write_text(sql.getvalue())
    linter = Path(sys.executable).with_name("squawk")
    done = subprocess.run(
        [linter, "--reporter=gcc", "--pg-version=15", f"--exclude={_NOT_ABOUT_LOCKS}", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _counts(db: Database) -> dict[str, int]:
    """Count the rows of each table of the models."""
    with db.engine.connect() as connection:
        present = set(inspect(connection).get_table_names())
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in db.metadata.tables.items()
            if name in present
        }
