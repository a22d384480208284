"""The service's own history of its tables, from nothing to the newest and back."""

from pathlib import Path

from flask import Flask
from sqlalchemy import inspect

from auth_service.db import db
from shared.migrations import downgrade, upgrade


def test_migrations_go_back_to_nothing_and_forth_again(app: Flask) -> None:
    folder = Path(app.root_path) / "migrations"
    with app.app_context():
        newest, nothing = downgrade(db, folder, "base")
        left = inspect(db.engine).get_table_names()
        again = upgrade(db, folder)
        made = set(inspect(db.engine).get_table_names())
    assert (nothing, left) == (None, ["alembic_version"])
    assert again == (None, newest)
    assert made == {"alembic_version", *db.tables.tables}


def test_migrating_twice_changes_nothing(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["migrate"])
    assert done.output == "auth_service: the database is up to date (0001).\n"
