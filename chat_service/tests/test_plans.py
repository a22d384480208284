"""The cost of a page does not depend on the length of the history: rows and buffers are counted.

There are a conversation with 200,000 messages and ten thousand small, newer ones.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask
from psycopg.types.json import Json
from sqlalchemy import event, text

from chat_service.db import db, transaction
from chat_service.domain.indexing import extract_grams
from chat_service.tests.calls import MESSAGES
from shared.testing.cast import ALICE, BOB, signed_in
from shared.testing.client import ApiClient
from shared.testing.databases import Rows, reset_tables

pytestmark = [pytest.mark.slow, pytest.mark.database]

BIG, MANY, OF_SMALL, REPLIES = 200_000, 10_000, 10, 5_000
FIND = "/conversations/manage_messages"
BUFFERS_AT_LEAST, BUFFERS_PER_ROW = 200, 16
STEPS_AT_LEAST, STEPS_PER_ROW = 4_000, 300

_NUMBERS = {
    True: "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {0}) SELECT",
    False: "WITH n AS (SELECT generate_series(1, {0}) AS n) SELECT",
}
_TIME = {
    True: "strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', '+' || {0} || ' seconds')",
    False: "timestamptz '2025-01-01 00:00:00Z' + {0} * interval '1 second'",
}
_COLUMNS = "id, conversation_id, seq, version, sender_id, type, content, created_at, reply_to_id"


@pytest.fixture(scope="module")
def world(_app: Flask, _cast: Rows) -> Iterator[Flask]:
    """Rows: conversation 1 is the big one, 2 a small one; alice and bob are in all of them."""
    reset_tables(_app, db, _cast)  # The indexer of an earlier server may still run.
    with _app.app_context():
        is_sqlite = db.is_sqlite
        numbers, time = _NUMBERS[is_sqlite].format, _TIME[is_sqlite].format
        total = MANY + 1
        flag = "1" if is_sqlite else "true"
        off = "0" if is_sqlite else "false"
        statements = [
            "INSERT INTO conversations (id, is_group, name, avatar_digest, avatar_reference,"
            " is_open, friendship_version, last_seq, version, created_at) "
            + numbers(total)
            + f" n, {flag}, 'group', '', '', {flag}, 0,"
            f" CASE WHEN n = 1 THEN {BIG} ELSE {OF_SMALL} END,"
            f" CASE WHEN n = 1 THEN {BIG} ELSE {OF_SMALL} END, {time('0')} FROM n",
            *(
                "INSERT INTO memberships (conversation_id, user_id, role, is_pinned, notices_on,"
                " unread_seq, unread_extra, read_seq, joined_at) "
                + numbers(total)
                + f" n, {user}, {role}, {off}, {flag}, 0, 0, 0, {time('0')} FROM n WHERE n <= 50"
                for user, role in ((ALICE, 1), (BOB, 3))
            ),
            f"INSERT INTO messages ({_COLUMNS}) "
            + numbers(BIG)
            + f" n, 1, n, n, 2, 0, CASE WHEN n = {MIDDLE} THEN 'hello needle' ELSE 'hello' END,"
            f" {time('n')}, CASE WHEN n > {MIDDLE} AND n <= {MIDDLE + REPLIES}"
            f" THEN {MIDDLE} ELSE n - 1 END FROM n",
            f"INSERT INTO messages ({_COLUMNS}) "
            + numbers(MANY * OF_SMALL)
            + f" n + {BIG}, (n - 1) / {OF_SMALL} + 2, (n - 1) % {OF_SMALL} + 1,"
            f" (n - 1) % {OF_SMALL} + 1, 2, 0, 'hello', {time(f'(n + {BIG})')}, NULL FROM n",
            "INSERT INTO search_grams (conversation_id, gram, message_id) "
            + numbers(BIG)
            + f" 1, {extract_grams('hel')[0]}, n FROM n",
            *(
                "INSERT INTO search_grams (conversation_id, gram, message_id) "
                + numbers(1)
                + f" 1, {gram}, {MIDDLE} FROM n"
                for gram in extract_grams("hello needle")[1:]
            ),
            "INSERT INTO search_progress (id, indexed_id) " + numbers(1) + f" n, {BEYOND} FROM n",
        ]
        for statement in statements:
            with transaction():
                db.session.execute(
                    text("SET LOCAL statement_timeout = 0" if not is_sqlite else "SELECT 1")
                )
                db.session.execute(text(statement.replace(":", r"\:")))
        with db.engine.connect() as connection:
            connection.execute(text("ANALYZE"))
    yield _app
    reset_tables(_app, db, _cast)


class Page(NamedTuple):
    """A request, and the maximum number of rows that it needs."""

    rows: int
    query: dict[str, Any]


MIDDLE, LAST, BEYOND = BIG // 2, BIG, BIG + MANY * OF_SMALL + 1
# Five messages of the big conversation are newer.
NEAR_THE_END = f"{datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=BIG - 5):%Y-%m-%dT%H:%M:%SZ}"
PAGES = [
    Page(20, {"limit": 20}),
    Page(20, {"limit": 20, "before_id": MIDDLE}),
    Page(20, {"limit": 20, "before_id": BEYOND}),
    Page(20, {"limit": 20, "after_id": 0}),
    Page(20, {"limit": 20, "after_id": MIDDLE}),
    Page(3, {"limit": 20, "after_id": LAST - 3}),
    Page(0, {"limit": 20, "after_id": LAST}),
    Page(3, {"limit": 20, "after_version": BIG - 3}),
    Page(20, {"limit": 20, "after_version": MIDDLE}),
    Page(3, {"after_version": BIG - 3}),
    Page(3, {"after_id": LAST - 3}),
    Page(6, {"limit": 20, "from": NEAR_THE_END}),
    Page(6, {"from": NEAR_THE_END}),
    Page(6, {"limit": 20, "from": NEAR_THE_END, "after_id": 0}),
    Page(0, {"limit": 20, "from": "2030-01-01T00:00:00Z"}),
]
OTHERS: list[tuple[str, str, int, dict[str, Any]]] = [
    ("POST", "/conversations/sync", 60, {"versions": {"1": BIG - 5, "2": 3}, "limit": 1}),
    ("POST", "/conversations/sync", 600, {"versions": {}, "limit": 5}),
    ("POST", "/conversations/read", 1, {"conversation_id": 1, "message_id": MIDDLE}),
    ("GET", "/conversations", 50, {}),
    ("GET", "/conversations/get_reply", 1_000, {"message_id": MIDDLE}),
    ("GET", "/conversations/get_reply", 1, {"message_id": 3}),
    ("GET", FIND, 6, {"conversationId": 1, "start_time": NEAR_THE_END}),
    *(
        ("GET", FIND, 100, {"conversationId": 1, "content": content})
        for content in ("hello needle", "needle he", "he absent", "缺席")
    ),
    *(
        ("GET", "/conversations/search", 100, {"content": content, "limit": 20})
        for content in ("hello needle", "needle he", "he absent", "he", "缺席", "h")
    ),
    ("GET", "/conversations/search", 2_000, {"content": "x", "before_id": 10_000}),
]


def record_statements(
    app: Flask, caller: ApiClient, method: str, path: str, **request: Any
) -> list[Any]:
    """Record the SELECT statements of a request, with their parameters."""
    statements: list[Any] = []

    def record(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append((statement, parameters))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        assert caller.call(method, path, **request).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", record)
    return statements


def check_cost(app: Flask, statement: str, parameters: Any, rows: int) -> None:
    """Check that a statement about ``rows`` rows reads few others."""
    with app.app_context(), db.engine.connect() as connection:
        if db.is_sqlite:
            steps = _count_steps(connection.connection.dbapi_connection, statement, parameters)
            assert steps <= STEPS_AT_LEAST + STEPS_PER_ROW * rows, statement
            return
        for mode in ("force_custom_plan", "force_generic_plan"):
            plan = _explain(connection, mode, statement, parameters)
            touched = sum(map(_count_rows, _iter_nodes(plan)))
            buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            assert touched <= BUFFERS_AT_LEAST + 12 * rows, (mode, statement, plan)
            assert buffers <= BUFFERS_AT_LEAST + BUFFERS_PER_ROW * rows, (mode, statement, plan)


def _count_steps(connection: Any, statement: str, parameters: Any) -> int:
    """Count the instructions of SQLite's virtual machine."""
    count = [0]

    def add_steps() -> int:
        count[0] += 100
        return 0

    connection.set_progress_handler(add_steps, 100)
    try:
        connection.execute(statement, parameters).fetchall()
    finally:
        connection.set_progress_handler(None, 0)
    return count[0]


def _explain(
    connection: Any, mode: str, statement: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    numbered = re.sub(r"%\((\w+)\)s", lambda name: f"${names.index(name[1]) + 1}", statement)
    literals = ", ".join(_to_literal(parameters[name]) for name in names)
    cursor = connection.connection.dbapi_connection.cursor()
    connection.connection.dbapi_connection.prepare_threshold = None
    cursor.execute(f"SET plan_cache_mode = {mode}")
    cursor.execute(f"PREPARE page AS {numbered.replace('%%', '%')}")
    call = f"EXECUTE page({literals})" if names else "EXECUTE page"
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {call}")
    [[[explained]]] = cursor.fetchall()
    cursor.execute("DEALLOCATE page")
    plan: dict[str, Any] = explained["Plan"]
    return plan


def _to_literal(value: Any) -> str:
    if value is None:
        return "NULL"
    shown = json.dumps(value.obj) if isinstance(value, Json) else str(value)
    return "'" + shown.replace("'", "''") + "'"


def _iter_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _iter_nodes(part)


def _count_rows(node: dict[str, Any]) -> int:
    """Count the rows that a node of a plan reads, also those that it filters out."""
    if "Scan" not in node["Node Type"] or "Relation Name" not in node:
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    touched: int = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return touched


@pytest.mark.parametrize("conversation", [1, 2])
@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_cost_of_a_page_depends_on_its_size(
    world: Flask, conversation: int, page: Page
) -> None:
    caller = signed_in(world, ALICE)
    query = {"conversationId": conversation, "read": "false", **page.query}
    statements = record_statements(world, caller, "GET", MESSAGES, query_string=query)
    for statement, parameters in statements:
        check_cost(world, statement, parameters, max(page.rows, OF_SMALL))


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_the_cost_of_other_reads_depends_on_their_size(
    world: Flask, other: tuple[str, str, int, dict[str, Any]]
) -> None:
    method, path, rows, fields = other
    statements = record_statements(world, signed_in(world, ALICE), method, path, json=fields)
    for statement, parameters in statements:
        check_cost(world, statement, parameters, rows)
