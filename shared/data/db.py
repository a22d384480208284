"""The database of a service: one transaction per use case, the same on SQLite and PostgreSQL."""

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from flask import Flask, Response, g
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from gevent import get_hub
from gevent.monkey import get_original, is_module_patched
from prometheus_client import Counter, Gauge
from sqlalchemy import (
    BigInteger,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Integer,
    MetaData,
    Select,
    SQLColumnExpression,
    Table,
    TypeDecorator,
    event,
    literal,
    make_url,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, registry, scoped_session
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from shared.data import postgres
from shared.metrics import update_gauges_periodically
from shared.server.sockets import is_idle_and_open
from shared.settings import ServiceSettings, database_url
from shared.web.errors import SERVICE_UNAVAILABLE, answer, log

DatabaseState = Literal["ok", "pool full", "read-only"]
DATABASE_FAILURES = (OperationalError, PoolTimeout)
"""What says that the database, or a connection to it, cannot be had."""
_ROWS_AT_ONCE = 500
# Of the running request, in ``g``.
_CONNECTION, _KEPT, _BLOCK = "database_connection", "database_kept", "database_block"
_PlainSocket: type[socket.socket] = get_original("socket", "socket")

_pool_size = Gauge(
    "ims_database_pool_size",
    "Connections that the database pools may hold.",
    multiprocess_mode="livesum",
)
_pool_in_use = Gauge(
    "ims_database_pool_in_use",
    "Connections of the database pools that are in use.",
    multiprocess_mode="livesum",
)
_pool_waiting = Gauge(
    "ims_database_pool_waiting",
    "Requests that wait for a connection, as all are in use.",
    multiprocess_mode="livesum",
)
_database_failures = Counter(
    "ims_database_failures",
    "Requests refused because the database, or a connection to it, could not be had.",
)

# SQLite numbers rows by itself only in an INTEGER column, which is 64 bits wide there.
BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment; goes in and comes out aware of UTC, also where the database knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; SQLite stores UTC without saying so."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None]:
        """SQLite says text, PostgreSQL an aware time, in the zone of the session."""
        return _moment if dialect.name == "sqlite" else _in_utc


def _in_utc(stored: datetime | None) -> datetime | None:
    # Of a session in UTC, as each is configured, psycopg makes exactly this zone.
    return stored if stored is None or stored.tzinfo is UTC else stored.astimezone(UTC)


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored + "Z")


def create_registry() -> registry:
    """Registry of one service's tables; constraints have names that migrations can use."""
    return registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={int: BigId, datetime: UtcDateTime},
    )


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with the transactions of this product.

    Args:
        model: the declarative base of the service's tables.
    """

    def __init__(self, model: type[DeclarativeBase]) -> None:
        super().__init__(
            model_class=model, session_options={"class_": _Session, "expire_on_commit": False}
        )
        self.tables = model.metadata
        self._writing = threading.Lock()
        self._interrupted: set[str] = set()

    def init_app(self, app: Flask, settings: ServiceSettings | None = None) -> None:
        """Connect ``app`` to the database that ``settings`` names."""
        assert settings is not None
        url = make_url(database_url(settings, app.name))
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
            "poolclass": _Pool,
            "pool_size": settings.database_pool_size,
            "max_overflow": 0,
            "pool_timeout": 5,
            "pool_use_lifo": True,
            "hide_parameters": True,  # What people wrote has no place in an error's text.
            **_dialect_options(url.get_dialect().name),
        }
        super().init_app(app)
        with app.app_context():
            if self.is_sqlite:
                _tune_sqlite(self.engine, settings.sqlite_synchronous)
            else:
                _look_before_use(self.engine)
                if is_module_patched("select"):
                    _wait_by_the_hub(self.engine)
                postgres.configure_sessions(self.engine)
                postgres.drop_read_only_connections(self.engine)
        for failure in DATABASE_FAILURES:
            app.register_error_handler(failure, _unavailable)
        update_gauges_periodically(app, self._measure_pool)

    def _measure_pool(self) -> None:
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        _pool_size.set(pool.size())
        _pool_in_use.set(pool.checkedout())

    def _teardown_session(self, exc: BaseException | None) -> None:
        """Let go of session and connection. If it has died, what was answered stays answered."""
        try:
            self.let_go()
        except DBAPIError as error:
            log.warning("connection_died", extra={"failure": first_line(error)})
        finally:
            super()._teardown_session(exc)

    def state(self) -> DatabaseState:
        """How the database is, without waiting for a connection of a full pool.

        Raises:
            OperationalError: no connection can be had.
        """
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        if pool.checkedout() >= pool.size():
            return "pool full"
        if self.is_sqlite:
            self.run(text("SELECT 1"))
            return "ok"
        return "read-only" if postgres.is_read_only(self.connection) else "ok"

    @contextmanager
    def outages_logged(self, work: str) -> Iterator[None]:
        """Let repeated work fail while the database is away, with one log line for each outage.

        Args:
            work: its name in the log line.
        """
        try:
            yield
        except DATABASE_FAILURES as error:
            if work not in self._interrupted:
                log.warning(
                    "database_unavailable", extra={"work": work, "failure": first_line(error)}
                )
            self._interrupted.add(work)
            self.let_go()
        else:
            self._interrupted.discard(work)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite (else PostgreSQL)."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator["scoped_session[Any]"]:
        """Commit when the block ends, roll back when it raises; then do what waits for the commit.

        SQLite has one writer at a time, who asks for the lock at once (``BEGIN IMMEDIATE``):
        a reader that became a writer could only fail. Never call another service inside.
        """
        self.let_go()
        with self._writing if self.is_sqlite else nullcontext():
            try:
                setattr(g, _BLOCK, "transaction")
                self.connection.exec_driver_sql("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
                yield self.session
                if self.session.registry.has():
                    self.session.commit()
                self.connection.commit()
                actions = self.kept.get("after_commit", ())
            finally:
                g.pop(_BLOCK, None)
                self.kept.clear()
                self.let_go()
        for action in actions:
            try:
                with self.outages_logged("after commit"):
                    action()
            except Exception:  # What is committed has succeeded, whoever could not be told.
                self.let_go()
                log.exception("after_commit_failed")

    @contextmanager
    def snapshot(self) -> Iterator["scoped_session[Any]"]:
        """A transaction that only reads, all of it from one state, and may take its time."""
        self.let_go()
        try:
            if self.is_sqlite:
                self.connection.exec_driver_sql("BEGIN")
            else:
                self.connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                self.run(text("SET LOCAL statement_timeout = 0"))
                self.run(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            setattr(g, _BLOCK, "snapshot")
            yield self.session
        finally:
            g.pop(_BLOCK, None)
            self.let_go()

    @property
    def connection(self) -> Connection:
        """The connection of the running request, from its first use until `let_go`.

        Outside of a transaction each statement sees what was committed before it.
        """
        connection: Connection | None = g.get(_CONNECTION)
        if connection is None:
            connection = self.engine.connect()
            setattr(g, _CONNECTION, connection)
        return connection

    def let_go(self) -> None:
        """Give the connection back, and end what is open on it; the next use takes another."""
        connection: Connection | None = g.pop(_CONNECTION, None)
        try:
            if self.session.registry.has():
                self.session.rollback()
        finally:
            if connection is not None:
                connection.close()

    def release(self) -> None:
        """`let_go` before something else is waited for; a snapshot alone may be held on to.

        Raises:
            RuntimeError: a transaction is open, in which nothing may be waited for.
        """
        block = g.get(_BLOCK)
        if block == "transaction":
            raise RuntimeError("waiting inside a transaction")
        if block is None:
            self.let_go()

    def run(self, statement: Executable, **values: Any) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement past the ORM, which knows nothing of it and flushes nothing before.

        To make a statement costs several times what it costs to run it. One that is made once,
        with a ``bindparam`` for each of ``values``, and run like this takes a fifth.
        """
        result: CursorResult[*tuple[Any, ...]] = self.connection.execute(statement, values)
        return result

    @property
    def kept(self) -> dict[str, Any]:
        """What the running transaction keeps for after its commit; forgotten if there is none."""
        kept: dict[str, Any] = g.setdefault(_KEPT, {})
        return kept

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do ``action`` when the running transaction has been committed, and only then."""
        self.kept.setdefault("after_commit", []).append(action)

    def stream(self, query: Select[*tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
        """The rows of a query, from one state of the database, however many they are."""
        with self.snapshot() as session:
            rows = session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
            yield from map(dict, rows.mappings())

    def pages(
        self, query: Select[*tuple[Any, ...]], *keys: SQLColumnExpression[Any]
    ) -> Iterator[dict[str, Any]]:
        """The rows of a query in the order of ``keys``, page by page, however many they are.

        No connection is held between two pages, each of which is of its own state of the database.

        Args:
            query: without an order.
            keys: unique together, and never NULL.
        """
        names = [f"key_{place}" for place in range(len(keys))]
        labelled: list[Any] = [key.label(name) for key, name in zip(keys, names, strict=True)]
        first = query.add_columns(*labelled).order_by(*keys).limit(_ROWS_AT_ONCE)
        page, is_last = first, False
        while not is_last:
            found = self.run(page)
            columns = [str(name) for name in found.keys()]  # noqa: SIM118 - they are no dict's
            rows = [dict(zip(columns, row, strict=True)) for row in found]
            self.let_go()
            is_last = len(rows) < _ROWS_AT_ONCE
            for row in rows:
                last = [row.pop(name) for name in names]
                yield row
            if rows:
                page = first.where(tuple_(*keys) > tuple_(*map(literal, last)))

    def insert(self, table: Any) -> Any:
        """An INSERT that knows ``on_conflict_do_update`` and ``on_conflict_do_nothing``.

        Both databases spell it alike, so PostgreSQL's type stands for both.
        """
        target: Table = getattr(table, "__table__", table)
        return sqlite.insert(target) if self.is_sqlite else postgresql.insert(target)


class _Session(Session):
    """A session on the connection of the running request."""

    _db: Database

    def get_bind(self, *_: Any, **__: Any) -> Connection:
        """Where everything is."""
        return self._db.connection


class _Pool(QueuePool):
    """A pool that tells how many wait for a connection."""

    def connect(self) -> PoolProxiedConnection:
        if self.checkedout() < self.size():
            return super().connect()
        with _pool_waiting.track_inprogress():
            return super().connect()


def _dialect_options(dialect: str) -> dict[str, Any]:
    if dialect == "sqlite":
        return {"connect_args": {"timeout": 10, "check_same_thread": False}}
    return {"connect_args": postgres.CONNECT_ARGUMENTS, "isolation_level": "AUTOCOMMIT"}


def _tune_sqlite(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


def _look_before_use(engine: Engine) -> None:
    """Replace a pooled connection that the server has closed, which needs no trip to the server."""

    @event.listens_for(engine, "checkout")
    def look(connection: Any, _record: object, _proxy: object) -> None:
        peer = _PlainSocket(fileno=connection.fileno())
        try:
            if not is_idle_and_open(peer):
                raise InvalidatePoolError
        finally:
            peer.detach()


def _wait_by_the_hub(engine: Engine) -> None:
    """Wait for the server by gevent's hub itself: psycopg would use its imitation of ``poll``."""

    @event.listens_for(engine, "connect")
    def teach(connection: Any, _record: object) -> None:
        connection.wait = partial(_done, connection.pgconn)


def _done(pgconn: Any, steps: Generator[int, int, Any], *_: Any, **__: Any) -> Any:
    """What ``steps`` return, which yield what they wait for: to read (1), to write (2), or both."""
    hub = get_hub()
    try:
        wanted = next(steps)
        while True:
            ready = hub.loop.io(pgconn.socket, wanted)
            try:
                hub.wait(ready)
            finally:
                ready.close()
            wanted = steps.send(wanted)
    except StopIteration as done:
        return done.value


def first_line(error: Exception) -> str:
    """What a failure of the database says, without the statement."""
    return str(error).partition("\n")[0]


def _unavailable(error: Exception) -> Response:
    # No trace: where a request was when the database went says nothing about the database.
    log.error("database_unavailable", extra={"failure": first_line(error)})
    _database_failures.inc()
    return answer(SERVICE_UNAVAILABLE)
