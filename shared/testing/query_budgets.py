"""What a request may cost: statements, and bytes of its answer, as a committed table has it.

Counts do not depend on the machine, so a request that became dearer fails its test at once. Who
makes one dearer on purpose, or cheaper, changes the table.
"""

import csv
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from shared.data.db import Database
from shared.testing.client import Reply
from shared.testing.databases import counted_queries


def assert_within_budget(
    table: Path, scenario: str, app: Flask, db: Database, send: Callable[[], Reply]
) -> None:
    """Hold what ``send`` takes against the table's row for ``scenario``, by its database."""
    with counted_queries(app, db) as statements:
        reply = send()
    with app.app_context():
        column = "sqlite" if db.is_sqlite else "postgres"
    with table.open() as lines:
        [row] = [row for row in csv.DictReader(lines) if row["scenario"] == scenario]
    assert reply.status_code == 200, reply.json
    assert len(statements) == int(row[column]), statements
    assert len(reply.data) <= int(row["bytes"])
