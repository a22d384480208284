"""Corrupt rows in a service's database, and the violations that ``verify`` finds."""

import json

from flask import Flask
from sqlalchemy import text

from shared.data.db import Database


def corrupt(app: Flask, db: Database, *statements: str) -> None:
    """Run statements without the checks of foreign keys."""
    with app.app_context(), db.engine.connect() as connection:
        connection.detach()  # Discarded after use, with its settings.
        if db.is_sqlite:
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        else:
            connection.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def find_violations(app: Flask) -> dict[str, int]:
    """Run ``verify``: the number of violations by invariant."""
    done = app.test_cli_runner().invoke(args=["survey"], catch_exceptions=False)
    results = map(json.loads, done.stdout.partition("\n\n")[0].splitlines())
    return {each["invariant"]: each["violations"] for each in results if each["violations"]}
