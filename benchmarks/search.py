"""Measure first pages of ``/conversations/search``: ``python -m benchmarks.search``.

The chat service alone, on each database, with 1,000,000 messages of which the index has all but
the last 100. Each case is asked again and again of one worker, in its own process: what the
network and the gateway add is in the other benchmarks. Fails if a median is above the aim.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from statistics import median, quantiles
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import create_engine, text

from benchmarks.__main__ import echo
from benchmarks.report import RESULTS
from benchmarks.search_world import FEW, MANY, fill
from chat_service.app import create_app
from chat_service.db import db
from shared.testing.client import ApiClient
from shared.testing.databases import migrated
from shared.testing.postgres import postgres_server
from shared.testing.tokens import PUBLIC_KEYS_PEM, issue

AIM_MS = 30.0
ROUNDS = 40
_MIN_ROUNDS = 3
_SECONDS_OF_A_CASE = 10.0


class Case(NamedTuple):
    """A search by a user."""

    name: str
    user_id: int
    content: str


CASES = tuple(
    Case(f"{what}, {who}", user_id, content)
    for who, user_id in (("1,000 conversations", MANY), ("10 long conversations", FEW))
    for what, content in (
        ("two Chinese characters, many hits", "的一"),
        ("two Chinese characters, few hits", "鹦鹉"),
        ("five Latin characters, many hits", "lunch"),
        ("five Latin characters, few hits", "zebra"),
        ("five Latin characters, frequent pairs, no hit", "theth"),
        ("frequent elsewhere, absent here", "高铁"),
        ("frequent elsewhere, absent here, Latin", "xylophone"),
        ("a frequent pair and a rare one", "thezq"),
        ("one character, many hits", "的"),
        ("one character, no hit", "鑫"),
    )
)


def main() -> None:
    """Measure, print and save the figures. Status 1: a median is above the aim."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--column", choices=("sqlite", "postgres"))
    chosen = parser.parse_args()
    columns = (chosen.column,) if chosen.column else ("sqlite", "postgres")
    # One process per database, as in production: the service caches the statements that it builds.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        figures = {
            column: processes.submit(_measured, column, chosen.messages).result()
            for column in columns
        }
    if chosen.messages == 1_000_000 and not chosen.column:
        _save(figures)
    slow = [
        f"{column}: {name}"
        for column, cases in figures.items()
        for name, durations in cases.items()
        if durations["p50"] > AIM_MS
    ]
    sys.exit(f"above {AIM_MS:g} ms: {slow}" if slow else 0)


def _save(figures: dict[str, Any]) -> None:
    saved = {
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 2),
        "milliseconds": figures,
    }
    text_of_it = json.dumps(saved, indent=1, ensure_ascii=False)
    (RESULTS / "search.json").write_text(text_of_it + "\n")


def _measured(column: str, messages: int) -> dict[str, dict[str, float]]:
    with _service(column) as app:
        started = time.monotonic()
        with app.app_context():
            fill(messages)
        echo(f"{column}: {messages} messages in {time.monotonic() - started:.0f} s")
        return {case.name: _timed(app, column, case) for case in CASES}


def _timed(app: Flask, column: str, case: Case) -> dict[str, float]:
    caller = ApiClient(app, issue(case.user_id), case.user_id)
    query = {"content": case.content}
    durations: list[float] = []
    hits = 0
    ends_at = time.monotonic() + _SECONDS_OF_A_CASE
    while len(durations) < _MIN_ROUNDS or (len(durations) < ROUNDS and time.monotonic() < ends_at):
        started = time.perf_counter()
        reply = caller.get("/conversations/search", query_string=query)
        durations.append(1000 * (time.perf_counter() - started))
        hits = len(reply.json["messages"])
    figures = {
        "p50": round(median(durations), 1),
        "p95": round(quantiles(durations, n=20)[-1], 1),
    }
    echo(f"{column:>8}  {case.name:<60} {figures['p50']:8.1f} {figures['p95']:8.1f} ms {hits:4}")
    return figures | {"hits": hits}


@contextmanager
def _service(column: str) -> Iterator[Flask]:
    with tempfile.TemporaryDirectory(prefix="ims-search-") as folder, _database(column) as url:
        app = create_app(
            {
                "DATA_DIR": folder,
                "JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM,
                "INTERNAL_SECRETS": "current-test-secret",
                "LOG_LEVEL": "WARNING",
                "RATE_LIMITS": "off",
                **{
                    f"{name}_SERVICE_{what}": value
                    for name in ("AUTH", "SOCIAL")
                    for what, value in (
                        ("URL", "http://127.0.0.1:9"),
                        ("SECRET", "current-test-secret"),
                    )
                },
                **url,
            }
        )
        with migrated(app, db):
            yield app


@contextmanager
def _database(column: str) -> Iterator[dict[str, str]]:
    if column == "sqlite":
        yield {}
        return
    with postgres_server() as server:
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE search"))
        engine.dispose()
        yield {"DATABASE_URL": server.url.replace("/postgres?", "/search?")}


if __name__ == "__main__":
    main()
