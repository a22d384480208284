"""The cost of requests: statements and bytes of the response, compared with a committed table.

Counts do not depend on the machine, so a more expensive request fails its test at once. To change a
cost on purpose, change the table.
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
    """Compare the cost of the request that ``send`` sends with the table's row for ``scenario``."""
    with counted_queries(app, db) as statements:
        reply = send()
    with app.app_context():
        column = "sqlite" if db.is_sqlite else "postgres"
    with table.open() as lines:
        [row] = [row for row in csv.DictReader(lines) if row["scenario"] == scenario]
    assert reply.status_code == 200, reply.json
    assert len(statements) == int(row[column]), statements
    assert len(reply.data) <= int(row["bytes"])
