"""The connection pool of a service's database: size, configuration and metrics."""

from typing import Any, Literal

from prometheus_client import Gauge
from sqlalchemy import URL, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from shared.data import postgres

_pool_size = Gauge(
    "ims_database_pool_size",
    "Maximum connections of the database pools.",
    multiprocess_mode="livesum",
)
_pool_in_use = Gauge(
    "ims_database_pool_in_use",
    "Connections of the database pools in use.",
    multiprocess_mode="livesum",
)
_pool_waiting = Gauge(
    "ims_database_pool_waiting",
    "Requests that wait for a connection while all are in use.",
    multiprocess_mode="livesum",
)


class MeasuredPool(QueuePool):
    """A pool that measures the number of waiting requests."""

    def connect(self) -> PoolProxiedConnection:
        """Take a connection, or wait for one."""
        if not is_full(self):
            return super().connect()
        with _pool_waiting.track_inprogress():
            return super().connect()


def is_full(pool: QueuePool) -> bool:
    """Whether all connections are in use."""
    return pool.checkedout() >= pool.size()


def set_pool_gauges(pool: QueuePool) -> None:
    """Set the metrics of the pool's size and of the connections in use."""
    _pool_size.set(pool.size())
    _pool_in_use.set(pool.checkedout())


def engine_options(url: URL, pool_size: int) -> dict[str, Any]:
    """Return the options of SQLAlchemy's engine, which commits each statement outside of
    transactions.
    """
    options = {
        "poolclass": MeasuredPool,
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": 5,
        "pool_use_lifo": True,
        "hide_parameters": True,  # The texts of errors must not contain the texts of users.
    }
    if url.get_dialect().name == "sqlite":
        return options | {"connect_args": {"timeout": 10, "check_same_thread": False}}
    return options | {
        "connect_args": postgres.CONNECT_ARGUMENTS,
        "isolation_level": "AUTOCOMMIT",
    }


def configure_connections(engine: Engine, sqlite_synchronous: Literal["FULL", "NORMAL"]) -> None:
    """Configure every new connection of ``engine``."""
    if engine.dialect.name == "sqlite":
        _configure_sqlite(engine, sqlite_synchronous)
    else:
        postgres.configure_connections(engine)


def _configure_sqlite(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
