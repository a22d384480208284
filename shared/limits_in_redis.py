"""Counters of limits that all processes share."""

import time

from limits.storage import RedisStorage
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry


class InRedis(RedisStorage):
    """Counters in Redis, which is asked once and not for long."""

    def __init__(self, url: str) -> None:
        pool = ConnectionPool.from_url(
            url, socket_connect_timeout=0.5, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
        super().__init__(url, connection_pool=pool)

    def get_expiry(self, key: str) -> float:
        """When counting begins again, as a Unix time; to the millisecond, unlike the base's."""
        left: int = self.storage.pttl(self.prefixed_key(key))
        return time.time() + max(left, 0) / 1000
