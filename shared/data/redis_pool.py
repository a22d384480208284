"""Connections to Redis or Valkey, and their health."""

import logging
from typing import Any

from flask import Flask
from prometheus_client import Gauge
from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from shared.metrics import update_gauges_periodically
from shared.redis_url import parse_sentinel_url
from shared.web.health import add_health_part
from shared.web.request_waits import release_database_connection

log = logging.getLogger(__name__)

_SECONDS_FOR_A_TURN = 10

_unreachable = Gauge(
    "ims_redis_unreachable",
    "1 while the Redis of `REDIS_URL` is unreachable, else 0.",
    multiprocess_mode="livemax",
)


class _Pool(BlockingConnectionPool):
    """A blocking pool; a request that waits for Redis holds no database connection."""

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """Release the database connection of the current request, and return one to Redis."""
        release_database_connection()
        return super().get_connection(*arguments, **options)  # type: ignore[no-untyped-call]


class _SentinelPool(SentinelConnectionPool, _Pool):
    """A blocking pool of connections to the primary that Sentinels report."""


def redis_pool(
    url: str, *, max_connections: int, connect_timeout: float, timeout: float
) -> BlockingConnectionPool:
    """Create a pool of connections; further commands wait for a free one.

    Commands are not retried, because only callers know which can be repeated.

    Args:
        url: a URL accepted by `parse_sentinel_url`.
        max_connections: the limit of this process.
        connect_timeout: seconds to connect; also for responses of Sentinels.
        timeout: seconds to wait for a response.
    """
    options: dict[str, Any] = {
        "max_connections": max_connections,
        "timeout": _SECONDS_FOR_A_TURN,
        "socket_connect_timeout": connect_timeout,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    target = parse_sentinel_url(url)
    if target is None:
        pool: BlockingConnectionPool = _Pool.from_url(url, **options)
        return pool
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # The library has no types here.
        target.sentinels,
        sentinel_kwargs={
            "username": target.sentinel_username,
            "password": target.sentinel_password,
            "socket_connect_timeout": connect_timeout,
            "socket_timeout": connect_timeout,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        },
    )
    login = {"db": target.db, "username": target.username, "password": target.password}
    return _SentinelPool(  # type: ignore[no-untyped-call]
        target.name, sentinel, **login, **options
    )


def watch_redis(app: Flask, url: str, *, logs_outages: bool = True) -> None:
    """Report in metrics and in ``/healthz`` whether Redis is reachable. Readiness does not depend
    on it.

    Args:
        app: a service.
        url: a URL accepted by `parse_sentinel_url`.
        logs_outages: whether an outage is also logged, once; False if the service does it itself.
    """
    client = Redis.from_pool(redis_pool(url, max_connections=1, connect_timeout=1, timeout=1))
    state = ["ok"]

    def ping() -> None:
        try:
            client.ping()
            state[0] = "ok"
        except RedisError as failure:
            if logs_outages and state[0] == "ok":
                log.error("redis_unreachable", extra={"failure": str(failure)})
            state[0] = "unreachable"
        _unreachable.set(state[0] != "ok")

    update_gauges_periodically(app, ping)
    add_health_part(app, "redis", lambda: state[0])
