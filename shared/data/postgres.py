"""PostgreSQL connections: session settings, poolers and read-only servers."""

import secrets
from collections.abc import Generator
from functools import partial
from typing import Any

from gevent import get_hub
from gevent.monkey import is_module_patched
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError, OperationalError

from shared.server.sockets import is_idle_and_open

CONNECT_ARGUMENTS = {"connect_timeout": 5}
_SESSION_SETTINGS = {
    "timezone": "UTC",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
}
_PROBE_ROUNDS = 3
_READ_ONLY_SQL_TRANSACTION = "25006"
_WRITE_PROBE = text("SELECT set_config('ims.session_probe', :token, false)")
_READ_PROBE = text("SELECT current_setting('ims.session_probe', true)")


class SharedSessionsError(Exception):
    """A pooler in front of the database shares a session among several connections."""

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL: the pooler in front of the database shares sessions between "
            "connections, so that time zone, timeouts and prepared statements get lost; "
            "in PgBouncer set: pool_mode = session"
        )


def configure_connections(engine: Engine) -> None:
    """Configure every new connection, and replace those that the server has closed."""
    _check_on_checkout(engine)
    if is_module_patched("select"):
        _use_gevent_wait(engine)
    _configure_sessions(engine)
    _drop_read_only_connections(engine)


def _configure_sessions(engine: Engine) -> None:
    """Set the time zone and timeouts of every new connection.

    This is a statement, because poolers reject or ignore start-up parameters.
    """
    settings = ", ".join(
        f"set_config('{name}', '{value}', false)" for name, value in _SESSION_SETTINGS.items()
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.execute(f"SELECT {settings}")


def _drop_read_only_connections(engine: Engine) -> None:
    """Handle a rejected write as a lost connection, so that the next goes to the new primary."""

    @event.listens_for(engine, "handle_error")
    def drop(context: ExceptionContext) -> OperationalError | None:
        failure = context.original_exception
        if getattr(failure, "sqlstate", None) != _READ_ONLY_SQL_TRANSACTION:
            return None
        context.is_disconnect = True
        return OperationalError(context.statement, None, failure, hide_parameters=True)


def is_read_only(connection: Connection) -> bool:
    """Whether the server rejects writes: a standby, or a primary in read-only mode."""
    return bool(connection.scalar(text("SELECT current_setting('transaction_read_only')::bool")))


def refuse_shared_sessions(engine: Engine) -> None:
    """Check that the settings of a connection persist, and do not appear on other connections.

    A pooler in transaction mode gives a session to another connection after each transaction: to
    the next one (last in, first out), or to all in turn.

    Raises:
        SharedSessionsError: sessions are shared.
    """
    if engine.dialect.name != "postgresql":
        return
    unpooled = create_engine(
        engine.url,
        poolclass=NullPool,
        connect_args=CONNECT_ARGUMENTS,
        isolation_level="AUTOCOMMIT",
    )
    with unpooled.connect() as one, unpooled.connect() as other:
        for _ in range(_PROBE_ROUNDS):
            token = secrets.token_hex()
            one.execute(_WRITE_PROBE, {"token": token})
            if one.scalar(_READ_PROBE) != token or other.scalar(_READ_PROBE) == token:
                raise SharedSessionsError


def _check_on_checkout(engine: Engine) -> None:
    """Replace a pooled connection that the server has closed, without a round trip."""

    @event.listens_for(engine, "checkout")
    def check(connection: Any, _record: object, _proxy: object) -> None:
        if not is_idle_and_open(connection.fileno()):
            raise InvalidatePoolError


def _use_gevent_wait(engine: Engine) -> None:
    """Wait for the server in gevent's hub, because psycopg would use gevent's slower ``poll``."""

    @event.listens_for(engine, "connect")
    def set_wait(connection: Any, _record: object) -> None:
        connection.wait = partial(_gevent_wait, connection.pgconn)


def _gevent_wait(pgconn: Any, steps: Generator[int, int, Any], *_: Any, **__: Any) -> Any:
    """Run ``steps``, which yield what they wait for: to read (1), to write (2), or both; return
    their result.
    """
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
