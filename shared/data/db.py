"""The database of a service: one transaction per use case, the same on SQLite and PostgreSQL."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

from flask import Flask, Response, g
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from prometheus_client import Counter
from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Table,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from shared.data import postgres
from shared.data.columns import create_base
from shared.data.pool import configure_connections, engine_options, is_full, set_pool_gauges
from shared.metrics import update_gauges_periodically
from shared.runtime import runtime_of
from shared.settings import ServiceSettings, database_url
from shared.web.errors import SERVICE_UNAVAILABLE, error_response

log = logging.getLogger(__name__)

DatabaseState = Literal["ok", "pool full", "read-only"]
DATABASE_FAILURES = (OperationalError, PoolTimeout)
"""What says that the database, or a connection to it, cannot be had."""
# An attribute of ``g``: the connection of the current request.
_CONNECTION, _STATE, _BLOCK = "database_connection", "database_state", "database_block"
_AFTER_COMMIT = "after_commit"

_database_failures = Counter(
    "ims_database_failures",
    "Requests that failed because the database or a connection was unavailable.",
)


class RequestSession(Session):
    """A session on the connection of the current request."""

    _db: "Database"

    def get_bind(self, *_: Any, **__: Any) -> Connection:
        """Return the connection of the current request."""
        return self._db.connection


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with the transactions of this product.

    ``db.session`` commits each statement by itself and sees the latest committed state; inside of
    ``with db.transaction():``, all statements are committed together. See docs/decisions/0011.
    """

    def __init__(self) -> None:
        super().__init__(
            model_class=create_base(),
            session_options={"class_": RequestSession, "expire_on_commit": False},
            disable_autonaming=True,
        )
        self._write_lock = threading.Lock()
        self._interrupted: set[str] = set()

    def init_app(self, app: Flask, settings: ServiceSettings | None = None) -> None:
        """Connect ``app`` to the database of ``settings``."""
        assert settings is not None
        url = make_url(database_url(settings, app.name))
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, settings.database_pool_size)
        super().init_app(app)
        with app.app_context():
            configure_connections(self.engine, settings.sqlite_synchronous)
        runtime_of(app).outages = DATABASE_FAILURES
        for failure in DATABASE_FAILURES:
            app.register_error_handler(failure, _handle_database_error)
        app.teardown_appcontext(self._end_session)
        update_gauges_periodically(app, lambda: set_pool_gauges(self._pool))

    @property
    def _pool(self) -> QueuePool:
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return pool

    def _end_session(self, _exc: BaseException | None) -> None:
        """Release the connection. If it is lost, the response of the request stays as it is."""
        try:
            self._end()
        except DBAPIError as error:
            log.warning("connection_died", extra={"failure": first_line(error)})

    def state(self) -> DatabaseState:
        """Get the state of the database, without waiting for a connection of a full pool.

        Raises:
            OperationalError: no connection is available.
        """
        if is_full(self._pool):
            return "pool full"
        if self.is_sqlite:
            self.execute(text("SELECT 1"))
            return "ok"
        return "read-only" if postgres.is_read_only(self.connection) else "ok"

    @contextmanager
    def outages_logged(self, work: str) -> Iterator[None]:
        """Suppress the errors of repeated work during an outage, with one log line per outage.

        Args:
            work: the name of the work in the log line.
        """
        try:
            yield
        except DATABASE_FAILURES as error:
            if work not in self._interrupted:
                log.warning(
                    "database_unavailable", extra={"work": work, "failure": first_line(error)}
                )
            self._interrupted.add(work)
            self._end()
        else:
            self._interrupted.discard(work)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite (otherwise PostgreSQL)."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit when the block ends, roll back when it raises; then run the actions for after the
        commit.

        SQLite has one writer at a time, so the lock is acquired first (``BEGIN IMMEDIATE``): the
        upgrade of a read transaction could only fail. Never call another service inside.
        """
        self._end()
        with self._write_lock if self.is_sqlite else nullcontext():
            try:
                setattr(g, _BLOCK, "transaction")
                self._begin("BEGIN IMMEDIATE", isolation_level="READ COMMITTED")
                yield
                if self.session.registry.has():
                    self.session.commit()
                self.connection.commit()
                actions = self.transaction_state.get(_AFTER_COMMIT, ())
            finally:
                g.pop(_BLOCK, None)
                self.transaction_state.clear()
                self._end()
        self._run_actions(actions)

    @contextmanager
    def autocommit(self) -> Iterator[None]:
        """One statement that commits by itself; then do what waits for the commit."""
        try:
            yield
            actions = self.transaction_state.get(_AFTER_COMMIT, ())
        finally:
            self.transaction_state.clear()
        self._run_actions(actions)

    def _run_actions(self, actions: Iterable[Callable[[], object]]) -> None:
        for action in actions:
            try:
                with self.outages_logged("after commit"):
                    action()
            except (
                Exception
            ):  # The commit has succeeded, so errors of later actions must not fail the request.
                self._end()
                log.exception("after_commit_failed")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Begin a read-only transaction in which all queries see one state, without a timeout."""
        self._end()
        try:
            self._begin("BEGIN", isolation_level="REPEATABLE READ", postgresql_readonly=True)
            if not self.is_sqlite:
                self.execute(text("SET LOCAL statement_timeout = 0"))
                self.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            setattr(g, _BLOCK, "snapshot")
            yield
        finally:
            g.pop(_BLOCK, None)
            self._end()

    def _begin(self, sqlite_statement: str, **postgres_options: Any) -> None:
        """Begin a transaction; its isolation level is reset when the connection returns to the
        pool.
        """
        if self.is_sqlite:
            self.connection.exec_driver_sql(sqlite_statement)
        else:
            self.connection.execution_options(**postgres_options)

    @property
    def connection(self) -> Connection:
        """Return the connection of the current request, from its first use until it is released.

        Outside of a transaction each statement sees the latest committed state.
        """
        connection: Connection | None = g.get(_CONNECTION)
        if connection is None:
            connection = self.engine.connect()
            setattr(g, _CONNECTION, connection)
        return connection

    def _end(self) -> None:
        """Release the connection, and roll back an open transaction. The next use gets another
        connection.
        """
        connection: Connection | None = g.pop(_CONNECTION, None)
        try:
            if self.session.registry.has():
                self.session.rollback()
        finally:
            if connection is not None:
                connection.close()

    def release(self) -> None:
        """Release the connection before the request waits for something; a snapshot keeps it.

        Raises:
            RuntimeError: a transaction is open.
        """
        block = g.get(_BLOCK)
        if block == "transaction":
            raise RuntimeError("waiting inside a transaction")
        if block is None:
            self._end()

    def execute(self, statement: Executable, **values: Any) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement without the ORM, whose pending changes are not flushed before.

        Creating a statement costs several times as much as executing it. A statement that is
        created once, with a ``bindparam`` for each of ``values``, takes a fifth.
        """
        result: CursorResult[*tuple[Any, ...]] = self.connection.execute(statement, values)
        return result

    @property
    def transaction_state(self) -> dict[str, Any]:
        """Data of the running transaction for after its commit; without a transaction it is
        discarded.
        """
        state: dict[str, Any] = g.setdefault(_STATE, {})
        return state

    def after_commit(self, action: Callable[[], object]) -> None:
        """Run ``action`` when the current transaction has been committed, and only then."""
        self.transaction_state.setdefault(_AFTER_COMMIT, []).append(action)

    def insert(self, table: Any) -> Any:
        """Build an INSERT with ``on_conflict_do_update`` and ``on_conflict_do_nothing``.

        Both databases have the same syntax, so PostgreSQL's type stands for both.
        """
        target: Table = getattr(table, "__table__", table)
        return sqlite.insert(target) if self.is_sqlite else postgresql.insert(target)


def first_line(error: Exception) -> str:
    """Return the message of a database error, without the statement."""
    return str(error).partition("\n")[0]


def _handle_database_error(error: Exception) -> Response:
    # No traceback: the place in the request is unrelated to the outage.
    log.error("database_unavailable", extra={"failure": first_line(error)})
    _database_failures.inc()
    return error_response(SERVICE_UNAVAILABLE)
