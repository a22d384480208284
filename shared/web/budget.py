"""A limited amount that all callers share."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from flask import g

from shared.web.errors import TOO_MANY_REQUESTS, ApiError, overloaded
from shared.web.rate_limits import client_network


class Budget:
    """A limited amount of which each caller can use a part.

    Args:
        total: the amount for all callers together.
        per_caller: the amount for each of them; by default a quarter.
    """

    def __init__(self, total: int, per_caller: int | None = None) -> None:
        self._total = total
        self._per_caller = max(1, total // 4) if per_caller is None else per_caller
        self._used_by: Counter[str] = Counter()
        self._lock = Lock()
        self.used = 0

    def acquire(self, amount: int, caller: str | None) -> None:
        """Use an amount, for a caller or (None) without a limit per caller.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS`` if the caller's part is used up, ``SERVICE_UNAVAILABLE``
                if the total is.
        """
        with self._lock:
            if caller is not None and self._used_by[caller] + amount > self._per_caller:
                raise ApiError(TOO_MANY_REQUESTS, {"Retry-After": "1"})
            if self.used + amount > self._total:
                raise overloaded()
            self.used += amount
            if caller is not None:
                self._used_by[caller] += amount

    def release(self, amount: int, caller: str | None) -> None:
        """Return an amount."""
        with self._lock:
            self.used -= amount
            if caller is not None:
                self._used_by[caller] -= amount
                if not self._used_by[caller]:
                    del self._used_by[caller]

    @contextmanager
    def reserve(self, amount: int, caller: str | None) -> Iterator[None]:
        """Use an amount until the block ends.

        Raises:
            ApiError: see `acquire`.
        """
        self.acquire(amount, caller)
        try:
            yield
        finally:
            self.release(amount, caller)


def current_caller() -> str:
    """Return the caller of the current request: its account, otherwise its network."""
    return f"account {g.user_id}" if "user_id" in g else client_network()
