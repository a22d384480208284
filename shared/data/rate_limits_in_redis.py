"""Counters of limits that all processes share."""

import time

from limits.storage import RedisStorage

from shared.data.redis_pool import redis_pool

_MAX_CONNECTIONS = 50


class FailFastRedisStorage(RedisStorage):
    """Counters in Redis, which is asked once and not for long."""

    def __init__(self, url: str) -> None:
        pool = redis_pool(url, max_connections=_MAX_CONNECTIONS, connect_timeout=0.5, timeout=0.5)
        super().__init__("redis://", connection_pool=pool)

    def get_expiry(self, key: str) -> float:
        """When counting begins again, as a Unix time; to the millisecond, unlike the base's."""
        left: int = self.storage.pttl(self.prefixed_key(key))
        return time.time() + max(left, 0) / 1000
