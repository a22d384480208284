"""Rate limits, counted in Redis, in a database or in this process.

A limit is written ``20/minute``. In ``5/minute and 20/hour`` both rates apply; in ``1/minute or
10/hour`` one is sufficient (one per minute, and ten extra per hour). ``and`` binds stronger. A
window begins with its first hit. A request over the limit gets 429, with the seconds until the next
window in ``Retry-After``.
"""

import logging
import math
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Annotated, TypeVar

from flask import request
from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from pydantic import AfterValidator, Field

from shared.settings import ProgramSettings
from shared.web.errors import TOO_MANY_REQUESTS, ApiError
from shared.web.proxies import parse_address

log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_KEYS = 100_000
_FALLBACK_SECONDS = 5.0
_SECONDS_OF_AN_HOUR = 3600


Alternatives = tuple[tuple[RateLimitItem, ...], ...]
"""One of these must have room, in all of its rates."""


def _parse_rates(rates: str) -> Alternatives:
    return tuple(
        tuple(parse(rate) for rate in alternative.split(" and "))
        for alternative in rates.split(" or ")
    )


def _validate_rates(rates: str) -> str:
    try:
        amounts = [rate.amount for alternative in _parse_rates(rates) for rate in alternative]
    except ValueError:
        amounts = [0]
    if 0 in amounts:
        raise ValueError(
            "is not like 20/minute, 100/10 seconds, 5/minute and 20/hour, or 1/minute or 10/hour"
        )
    return rates


Rates = Annotated[str, AfterValidator(_validate_rates)]


class LimitSettings(ProgramSettings):
    """Settings of a program with rate limits, besides the limits themselves."""

    rate_limits: bool = Field(True, description="`off` lifts every rate limit.")


class Limiter:
    """The counters of a program.

    Args:
        on: False disables all limits.
        shared: counters of all processes; without it, and during its outages, each process counts
            alone.
        lasting: counters of rates per hour or longer, if there is no ``shared``.
    """

    def __init__(
        self, *, on: bool, shared: Storage | None = None, lasting: Storage | None = None
    ) -> None:
        self._on = on
        self._lasting = lasting and FixedWindowRateLimiter(lasting)
        self._local = FixedWindowRateLimiter(BoundedMemoryStorage())
        self._remote = shared and FixedWindowRateLimiter(shared)
        self._fallback_until = 0.0

    def limit(self, name: str, rates: str) -> "Limit":
        """Create a limit. The same name and rates share their counters."""
        return Limit(self, name, _parse_rates(rates) if self._on else ())

    def execute(
        self, operation: Callable[..., T], rate: RateLimitItem, key_parts: tuple[str, ...]
    ) -> T:
        """Run an operation of a rate in Redis, otherwise in lasting counters, otherwise in this
        process.
        """
        if self._remote and time.monotonic() >= self._fallback_until:
            try:
                return operation(self._remote, rate, *key_parts)
            except self._remote.storage.base_exceptions as failure:
                log.warning("rate_limit_fallback", extra={"failure": str(failure)})
                self._fallback_until = time.monotonic() + _FALLBACK_SECONDS
        if self._lasting and rate.get_expiry() >= _SECONDS_OF_AN_HOUR:
            return operation(self._lasting, rate, *key_parts)
        return operation(self._local, rate, *key_parts)


class Limit:
    """A limit per key. A key is stored as long as its window."""

    def __init__(self, limiter: Limiter, name: str, rates: Alternatives) -> None:
        self._limiter, self._name, self._rates = limiter, name, rates

    def hit(self, *key: str) -> None:
        """Count one hit.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS`` if the limit is exceeded.
        """
        self._enforce(key, count=True)

    def check(self, *key: str) -> None:
        """Check the limit without counting.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS`` if the next hit would exceed the limit.
        """
        self._enforce(key, count=False)

    def _enforce(self, key: tuple[str, ...], *, count: bool) -> None:
        key_parts = (self._name, *key)
        if not self._rates or any(
            self._has_room(rates, key_parts, count=count) for rates in self._rates
        ):
            return
        ends = min(self._end(rates, key_parts) for rates in self._rates)
        raise ApiError(
            TOO_MANY_REQUESTS, {"Retry-After": str(max(1, math.ceil(ends - time.time())))}
        )

    def _has_room(
        self, rates: tuple[RateLimitItem, ...], key_parts: tuple[str, ...], *, count: bool
    ) -> bool:
        if not count:
            return self._all(FixedWindowRateLimiter.test, rates, key_parts)
        # A hit that one of several rates rejects is not counted by the others.
        if len(rates) > 1 and not self._all(FixedWindowRateLimiter.test, rates, key_parts):
            return False
        return self._all(FixedWindowRateLimiter.hit, rates, key_parts)

    def _all(
        self,
        has_room: Callable[..., bool],
        rates: tuple[RateLimitItem, ...],
        key_parts: tuple[str, ...],
    ) -> bool:
        return all([self._limiter.execute(has_room, rate, key_parts) for rate in rates])

    def _end(self, rates: tuple[RateLimitItem, ...], key_parts: tuple[str, ...]) -> float:
        """Get the end of all full windows, as a Unix time."""
        stats = FixedWindowRateLimiter.get_window_stats
        windows = [self._limiter.execute(stats, rate, key_parts) for rate in rates]
        return max((end for end, remaining in windows if not remaining), default=time.time())


def client_network() -> str:
    """Get the rate limit key of the client: an IPv4 address, or a /64 of IPv6."""
    return network_key(request.remote_addr or "")


@lru_cache(maxsize=10_000)
def network_key(address: str) -> str:
    """Get the network that belongs to one customer of a provider: an IPv4 address, or a /64 of
    IPv6.
    """
    try:
        parsed = ip_address(parse_address(address))
    except ValueError:
        return address  # Without a valid address of a proxy, the text itself is the key.
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


class BoundedMemoryStorage(Storage):
    """Counters of this process, without a thread of their own.

    At most ``_MAX_KEYS`` are stored. Beyond that the oldest are evicted: a client with very many
    addresses can exceed a limit, but cannot fill the memory.
    """

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = Lock()

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """The exceptions of the storage: none is expected."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Increment a counter, which expires ``expiry`` seconds after its first increment."""
        now = time.time()
        with self._lock:
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                self._counts.pop(key, None)  # A new window moves the key to the end.
                if len(self._counts) >= _MAX_KEYS:
                    self._evict(now)
                count, ends = 0, now + expiry
            self._counts[key] = count + amount, ends
            return count + amount

    def get(self, key: str) -> int:
        """Get a counter."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Get the end of the window, as a Unix time."""
        return self._counts.get(key, (0, time.time()))[1]

    def clear(self, key: str) -> None:
        """Delete a counter."""
        self._counts.pop(key, None)

    def reset(self) -> int:
        """Delete all counters."""
        deleted = len(self._counts)
        self._counts.clear()
        return deleted

    def check(self) -> bool:
        """Whether the storage works."""
        return True

    def _evict(self, now: float) -> None:
        """Delete expired counters, and at least a tenth of all."""
        active = [(key, counter) for key, counter in self._counts.items() if counter[1] > now]
        self._counts = dict(active[-_MAX_KEYS * 9 // 10 :])
