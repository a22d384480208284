"""Damage that is planted into a service's database, and what its ``verify`` says of it."""

import json

from flask import Flask
from sqlalchemy import text

from shared.data.db import Database


def corrupt(app: Flask, db: Database, *statements: str) -> None:
    """Write what the service never would; references are not looked at."""
    with app.app_context(), db.engine.connect() as connection:
        connection.detach()  # Its settings end with it.
        if db.is_sqlite:
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        else:
            connection.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def find_violations(app: Flask) -> dict[str, int]:
    """The invariants that ``verify`` finds violated, and by how many rows."""
    done = app.test_cli_runner().invoke(args=["survey"], catch_exceptions=False)
    found = map(json.loads, done.stdout.partition("\n\n")[0].splitlines())
    return {each["invariant"]: each["violations"] for each in found if each["violations"]}
