"""How long a first page of ``/conversations/search`` takes: ``python -m benchmarks.search``.

The chat service alone, on each database, with 1,000,000 messages of which the index has all but
the last 100. Each case is asked again and again of one worker, in its own process: what the
network and the gateway add is in the other benchmarks. Fails if a median is above the aim.
"""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import create_engine, insert, text

from benchmarks.__main__ import say
from benchmarks.report import RESULTS
from chat_service.app import create_app
from chat_service.db import db
from chat_service.domain.indexing import grams_of
from chat_service.models import (
    Account,
    Conversation,
    Membership,
    Message,
    SearchProgress,
)
from shared.testing.client import Caller
from shared.testing.databases import migrated
from shared.testing.postgres import postgres_server
from shared.testing.tokens import PUBLIC_KEYS_PEM, issue

AIM_MS = 30.0
ROUNDS = 40
_MIN_ROUNDS = 3
_SECONDS_OF_A_CASE = 10.0
_TAIL = 100
_ROWS_AT_ONCE = 20_000
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
_CHINESE = (
    "的一是不了在人有我他这中大来上国个到说们为子和你地"
    "出道也时年得就那要下以生会自着去之过家学对可里"
)
_LATIN = """
the quick brown fox jumps over a lazy dog and then we meet for lunch tomorrow maybe
""".split()  # noqa: SIM905 - read as a sentence

# Who asks: in 1,000 conversations, in few long ones, or in one of them all.
MANY, FEW = 1, 2
_STRANGERS = (3, 4, 5)


class Part(NamedTuple):
    """Conversations of some people: how many, and their share of the messages."""

    members: tuple[int, ...]
    conversations: int
    share: float


_WORLD = (
    Part((MANY, 3), 1_000, 0.3),
    Part((FEW, 4), 10, 0.3),
    Part((4, 5), 500, 0.4),
)


class Case(NamedTuple):
    """A search: who asks for what."""

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
    """Measure, print and keep the figures. Status 1: a median is above the aim."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--column", choices=("sqlite", "postgres"))
    chosen = parser.parse_args()
    columns = (chosen.column,) if chosen.column else ("sqlite", "postgres")
    figures = {column: _measured(column, chosen.messages) for column in columns}
    if chosen.messages == 1_000_000 and not chosen.column:
        _keep(figures)
    slow = [
        f"{column}: {name}"
        for column, cases in figures.items()
        for name, taken in cases.items()
        if taken["p50"] > AIM_MS
    ]
    sys.exit(f"above {AIM_MS:g} ms: {slow}" if slow else 0)


def _keep(figures: dict[str, Any]) -> None:
    kept = {
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 2),
        "milliseconds": figures,
    }
    text_of_it = json.dumps(kept, indent=1, ensure_ascii=False)
    (RESULTS / "search.json").write_text(text_of_it + "\n")


def _measured(column: str, messages: int) -> dict[str, dict[str, float]]:
    with _service(column) as app:
        started = time.monotonic()
        with app.app_context():
            fill(messages)
        say(f"{column}: {messages} messages in {time.monotonic() - started:.0f} s")
        return {case.name: _timed(app, column, case) for case in CASES}


def _timed(app: Flask, column: str, case: Case) -> dict[str, float]:
    caller = Caller(app, issue(case.user_id), case.user_id)
    query = {"content": case.content}
    taken: list[float] = []
    hits = 0
    ends_at = time.monotonic() + _SECONDS_OF_A_CASE
    while len(taken) < _MIN_ROUNDS or (len(taken) < ROUNDS and time.monotonic() < ends_at):
        started = time.perf_counter()
        reply = caller.get("/conversations/search", query_string=query)
        taken.append(1000 * (time.perf_counter() - started))
        hits = len(reply.json["messages"])
    figures = {"p50": round(median(taken), 1), "p95": round(quantiles(taken, n=20)[-1], 1)}
    say(f"{column:>8}  {case.name:<60} {figures['p50']:8.1f} {figures['p95']:8.1f} ms {hits:4}")
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


def fill(messages: int) -> None:
    """Make the conversations, the messages and the index, as sends and the indexer leave them."""
    _insert(Account, _accounts())
    placed, next_id = [], 1
    for part in _WORLD:
        ids = range(next_id, next_id + part.conversations)
        next_id += part.conversations
        placed += [(part, ids, round(part.share * messages / part.conversations))]
    _insert(Conversation, (row for _, ids, count in placed for row in _conversations(ids, count)))
    _insert(Membership, (row for part, ids, _ in placed for row in _memberships(part, ids)))
    texts = Texts(messages)
    _insert(Message, texts.rows(placed))
    last = messages - _TAIL
    for conversation_id, said in sorted(texts.by_conversation.items()):
        _insert_grams(conversation_id, [each for each in said if each[0] <= last])
    _insert(SearchProgress, iter([{"id": 1, "indexed_id": last}]))
    with db.transaction() as session:
        session.execute(text("ANALYZE"))


class Texts:
    """What is said: words of chance, with rare ones where the cases want them.

    Attributes:
        by_conversation: id and text of each message.
    """

    def __init__(self, messages: int) -> None:
        self._chance = random.Random(7)  # noqa: S311 - the same world each time
        self._messages = messages
        self.by_conversation: dict[int, list[tuple[int, str]]] = {}

    def rows(self, placed: list[tuple[Part, range, int]]) -> Iterator[dict[str, Any]]:
        """The messages; ids of all conversations are mixed, as they are in life."""
        order = [
            (part, conversation_id)
            for part, ids, count in placed
            for conversation_id in ids
            for _ in range(count)
        ]
        self._chance.shuffle(order)
        for message_id, (part, conversation_id) in enumerate(order, start=1):
            said = self.by_conversation.setdefault(conversation_id, [])
            said.append((message_id, self._text(part, message_id)))
            yield {
                "id": message_id,
                "conversation_id": conversation_id,
                "seq": len(said),
                "version": len(said),
                "sender_id": part.members[message_id % len(part.members)],
                "type": 0,
                "content": said[-1][1],
                "created_at": _EPOCH + timedelta(seconds=message_id),
            }

    def _text(self, part: Part, message_id: int) -> str:
        chance = self._chance
        if chance.random() < 0.5:
            content = "".join(chance.choices(_CHINESE, k=chance.randint(6, 24)))
        else:
            content = " ".join(chance.choices(_LATIN, k=chance.randint(3, 8)))
        if message_id % 20_011 == 0:
            content += "鹦鹉 zebra"
        if part.members == (4, 5):
            content += " 高铁 xylophone"
        return content


def _accounts() -> Iterator[dict[str, Any]]:
    for user_id in (MANY, FEW, *_STRANGERS):
        yield {"id": user_id, "name": f"User {user_id}", "email": "", "user_info": ""} | {
            "avatar_digest": "",
            "avatar_reference": "",
            "deleted": False,
            "generation": 0,
            "version": 1,
            "session_ends_version": 1,
        }


def _conversations(ids: range, count: int) -> Iterator[dict[str, Any]]:
    for conversation_id in ids:
        yield {
            "id": conversation_id,
            "is_group": True,
            "name": f"Group {conversation_id}",
            "last_seq": count,
            "version": count,
            "created_at": _EPOCH,
        }


def _memberships(part: Part, ids: range) -> Iterator[dict[str, Any]]:
    for conversation_id in ids:
        for user_id in part.members:
            yield {
                "conversation_id": conversation_id,
                "user_id": user_id,
                "role": 1 if user_id == part.members[0] else 3,
                "joined_at": _EPOCH,
            }


def _insert_grams(conversation_id: int, said: list[tuple[int, str]]) -> None:
    rows = sorted(
        (conversation_id, gram, message_id)
        for message_id, content in said
        for gram in grams_of(content)
    )
    with db.transaction() as session:
        driver: Any = session.connection().connection.driver_connection
        cursor = driver.cursor()
        if db.is_sqlite:
            cursor.executemany(
                "INSERT INTO search_grams (conversation_id, gram, message_id) VALUES (?, ?, ?)",
                rows,
            )
            return
        with cursor.copy(
            "COPY search_grams (conversation_id, gram, message_id) FROM STDIN"
        ) as copy:
            for row in rows:
                copy.write_row(row)


def _insert(model: Any, rows: Iterator[dict[str, Any]]) -> None:
    block: list[dict[str, Any]] = []
    for row in rows:
        block.append(row)
        if len(block) == _ROWS_AT_ONCE:
            _insert_block(model, block)
            block = []
    if block:
        _insert_block(model, block)


def _insert_block(model: Any, block: list[dict[str, Any]]) -> None:
    with db.transaction() as session:
        session.execute(insert(model), block)


if __name__ == "__main__":
    main()
