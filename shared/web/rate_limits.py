"""How often somebody may do something, counted in Redis, a database or this process.

A limit is written ``20/minute``. In ``5/minute and 20/hour`` both must have room; in
``1/minute or 10/hour`` one must: one a minute, and ten in an hour to spare. ``and`` binds
stronger. A window begins with the first thing that is counted in it. Who is over the limit is
answered 429, and in ``Retry-After`` after how many seconds there is room again.
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
    """What every program with rate limits reads, beside the limits themselves."""

    rate_limits: bool = Field(True, description="`off` lifts every rate limit.")


class Limiter:
    """Where a program counts.

    Args:
        on: otherwise nothing is ever refused.
        shared: counts for all processes; while it is away, and without it, each counts for itself.
        lasting: counts what is limited by the hour or longer, unless ``shared`` does.
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
        """A limit; the same name and rates mean the same counters."""
        return Limit(self, name, _parse_rates(rates) if self._on else ())

    def execute(
        self, question: Callable[..., T], rate: RateLimitItem, counted_as: tuple[str, ...]
    ) -> T:
        """What the counters of a rate say: in Redis, else where they last, else in here."""
        if self._remote and time.monotonic() >= self._fallback_until:
            try:
                return question(self._remote, rate, *counted_as)
            except self._remote.storage.base_exceptions as failure:
                log.warning("rate_limit_fallback", extra={"failure": str(failure)})
                self._fallback_until = time.monotonic() + _FALLBACK_SECONDS
        if self._lasting and rate.get_expiry() >= _SECONDS_OF_AN_HOUR:
            return question(self._lasting, rate, *counted_as)
        return question(self._local, rate, *counted_as)


class Limit:
    """How often something may happen to each key. Keys are kept no longer than they count."""

    def __init__(self, limiter: Limiter, name: str, rates: Alternatives) -> None:
        self._limiter, self._name, self._rates = limiter, name, rates

    def hit(self, *key: str) -> None:
        """Count one more.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``, if that was one too many.
        """
        self._enforce(key, spending=True)

    def check(self, *key: str) -> None:
        """Count nothing.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``, if one more would be too many.
        """
        self._enforce(key, spending=False)

    def _enforce(self, key: tuple[str, ...], *, spending: bool) -> None:
        counted_as = (self._name, *key)
        if not self._rates or any(
            self._has_room(rates, counted_as, spending=spending) for rates in self._rates
        ):
            return
        ends = min(self._end(rates, counted_as) for rates in self._rates)
        raise ApiError(
            TOO_MANY_REQUESTS, {"Retry-After": str(max(1, math.ceil(ends - time.time())))}
        )

    def _has_room(
        self, rates: tuple[RateLimitItem, ...], counted_as: tuple[str, ...], *, spending: bool
    ) -> bool:
        if not spending:
            return self._all(FixedWindowRateLimiter.test, rates, counted_as)
        # What one of several refuses is not counted by the others.
        if len(rates) > 1 and not self._all(FixedWindowRateLimiter.test, rates, counted_as):
            return False
        return self._all(FixedWindowRateLimiter.hit, rates, counted_as)

    def _all(
        self,
        has_room: Callable[..., bool],
        rates: tuple[RateLimitItem, ...],
        counted_as: tuple[str, ...],
    ) -> bool:
        return all([self._limiter.execute(has_room, rate, counted_as) for rate in rates])

    def _end(self, rates: tuple[RateLimitItem, ...], counted_as: tuple[str, ...]) -> float:
        """When all rates have room again, as a Unix time."""
        stats = FixedWindowRateLimiter.get_window_stats
        windows = [self._limiter.execute(stats, rate, counted_as) for rate in rates]
        return max((end for end, remaining in windows if not remaining), default=time.time())


def client_network() -> str:
    """Where the current request comes from, for counting: an IPv4 address, or a /64 of IPv6."""
    return network_key(request.remote_addr or "")


@lru_cache(maxsize=10_000)
def network_key(address: str) -> str:
    """What one customer of a provider has: an IPv4 address, or a /64 of IPv6."""
    try:
        parsed = ip_address(parse_address(address))
    except ValueError:
        return address  # A proxy that names no address is counted as it is.
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


class BoundedMemoryStorage(Storage):
    """Counters of this process: few, quick, and without a thread of their own.

    At most ``_MAX_KEYS`` are kept. Beyond that the oldest are forgotten, so that whoever
    comes from a great many addresses may get through, but cannot fill the memory.
    """

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = Lock()

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What may go wrong with it."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count; a count lives ``expiry`` seconds from its first."""
        now = time.time()
        with self._lock:
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                self._counts.pop(key, None)  # It goes to the end of the order.
                if len(self._counts) >= _MAX_KEYS:
                    self._evict(now)
                count, ends = 0, now + expiry
            self._counts[key] = count + amount, ends
            return count + amount

    def get(self, key: str) -> int:
        """How much was counted."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """When counting begins again, as a Unix time."""
        return self._counts.get(key, (0, time.time()))[1]

    def clear(self, key: str) -> None:
        """Forget one."""
        self._counts.pop(key, None)

    def reset(self) -> int:
        """Forget all."""
        forgotten = len(self._counts)
        self._counts.clear()
        return forgotten

    def check(self) -> bool:
        """Whether it works."""
        return True

    def _evict(self, now: float) -> None:
        """Drop what does not count any more, and at least a tenth."""
        living = [(key, kept) for key, kept in self._counts.items() if kept[1] > now]
        self._counts = dict(living[-_MAX_KEYS * 9 // 10 :])
