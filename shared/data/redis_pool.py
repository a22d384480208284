"""Connections to Redis or Valkey, and whether it can be reached."""

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

_SECONDS_FOR_A_TURN = 10

_unreachable = Gauge(
    "ims_redis_unreachable",
    "1 while the Redis of `REDIS_URL` is unreachable, else 0.",
    multiprocess_mode="livemax",
)


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the primary that Sentinels name, and that take turns."""


def redis_pool(
    url: str, *, max_connections: int, connect_timeout: float, timeout: float
) -> BlockingConnectionPool:
    """Connections that commands take turns on, however many come at once.

    Nothing is tried twice: callers know what may be repeated.

    Args:
        url: as `parse_sentinel_url` takes it.
        max_connections: of this process.
        connect_timeout: seconds to connect; for Sentinels also to answer.
        timeout: seconds that the server may take to answer.
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
        pool: BlockingConnectionPool = BlockingConnectionPool.from_url(url, **options)
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


def watch_redis(app: Flask, url: str) -> None:
    """Show in metrics and in ``/healthz`` whether Redis can be reached. Readiness is another."""
    client = Redis.from_pool(redis_pool(url, max_connections=1, connect_timeout=1, timeout=1))
    state = ["ok"]

    def look() -> None:
        try:
            client.ping()
            state[0] = "ok"
        except RedisError:
            state[0] = "unreachable"
        _unreachable.set(state[0] != "ok")

    update_gauges_periodically(app, look)
    add_health_part(app, "redis", lambda: state[0])
