"""Queries whose results do not fit into memory."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, literal, tuple_

from shared.data.db import Database

_FETCH_SIZE = 500


def stream_rows(db: Database, query: Select[*tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``query`` from one state of the database, whose connection is held."""
    with db.snapshot():
        rows = db.session.execute(query, execution_options={"yield_per": _FETCH_SIZE})
        yield from map(dict, rows.mappings())


def read_pages(
    db: Database, query: Select[*tuple[Any, ...]], *keys: SQLColumnExpression[Any]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``query`` in the order of ``keys``, page by page.

    No connection is held between two pages. Each page sees the latest state of the database.

    Args:
        db: the database of the service.
        query: without an order.
        keys: unique together, and never NULL.
    """
    names = [f"key_{place}" for place in range(len(keys))]
    labelled: list[Any] = [key.label(name) for key, name in zip(keys, names, strict=True)]
    first = query.add_columns(*labelled).order_by(*keys).limit(_FETCH_SIZE)
    page, is_last = first, False
    while not is_last:
        result = db.execute(page)
        columns = [str(name) for name in result.keys()]  # noqa: SIM118 - not a dict
        rows = [dict(zip(columns, row, strict=True)) for row in result]
        db.release()
        is_last = len(rows) < _FETCH_SIZE
        for row in rows:
            last = [row.pop(name) for name in names]
            yield row
        if rows:
            page = first.where(tuple_(*keys) > tuple_(*map(literal, last)))
