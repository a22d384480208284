"""Versions of a service: invented migrations, and a process that migrates with a version."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from shared.data.db import Database
from shared.data.migrations import migrate
from shared.settings import ServiceSettings, load_settings
from shared.testing.tokens import PUBLIC_KEYS_PEM

ENVIRONMENT = "from shared.data.migrations import run_environment\n\nrun_environment()\n"
REVISION = """
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {below!r}

def upgrade():
    {up}

def downgrade():
    {down}
"""
TWO_TABLES = """op.create_table("groups", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table(
        "members",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("group_id", sa.Integer, sa.ForeignKey("groups.id", ondelete="CASCADE")),
    )"""
NO_TABLES = 'op.drop_table("members"); op.drop_table("groups")'
A_NAME = """with op.batch_alter_table("groups", recreate="auto") as groups:
        groups.add_column(sa.Column("name", sa.String, server_default=""))
        groups.create_unique_constraint("uq_groups_name_id", ["name", "id"])"""
NO_NAME = """with op.batch_alter_table("groups") as groups:
        groups.drop_constraint("uq_groups_name_id", type_="unique")
        groups.drop_column("name")"""
SLOWLY = """import time
    op.create_table("slow", sa.Column("id", sa.Integer, primary_key=True))
    time.sleep(0.2)"""

TABLES = ("0001", None, TWO_TABLES, NO_TABLES)
NAMES = ("0002_since_0001", "0001", A_NAME, NO_NAME)
SLOW = ("0001", None, SLOWLY, 'op.drop_table("slow")')
INCOMPATIBLE = ("0003", "0002_since_0001", "pass", "pass")


class Version:
    """A version of a service with its migrations so far."""

    def __init__(self, folder: Path, *revisions: tuple[str, str | None, str, str]) -> None:
        self.folder = folder / "some_service" / "migrations"
        (self.folder / "versions").mkdir(parents=True)
        (self.folder / "env.py").write_text(ENVIRONMENT)
        for revision, below, up, down in revisions:
            code = REVISION.format(revision=revision, below=below, up=up, down=down)
            (self.folder / "versions" / f"{revision}.py").write_text(code)


@contextmanager
def connected(data_dir: Path, url: str) -> Iterator[Database]:
    """Connect to the database at ``url``, or SQLite in ``data_dir``."""
    env = {
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": url,
        "JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM,
        "INTERNAL_SECRETS": "current-test-secret",
    }
    app = Flask("some_service")
    db = Database()
    db.init_app(app, load_settings(ServiceSettings, env))
    with app.app_context():
        yield db
        db.release()
        db.engine.dispose()


if __name__ == "__main__":
    with connected(Path(sys.argv[1]), sys.argv[2]) as the_database:
        migrate(the_database, Path(sys.argv[3]))
