"""Something limited that all callers share."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from flask import g

from shared.web.errors import TOO_MANY_REQUESTS, ApiError, overloaded
from shared.web.rate_limits import client_network


class Budget:
    """An amount that all callers share, and of which one of them may have a part at a time.

    Args:
        total: for all callers together.
        per_caller: for each of them; a quarter unless given.
    """

    def __init__(self, total: int, per_caller: int | None = None) -> None:
        self._total = total
        self._per_caller = max(1, total // 4) if per_caller is None else per_caller
        self._used_by: Counter[str] = Counter()
        self._lock = Lock()
        self.used = 0

    def acquire(self, amount: int, caller: str | None) -> None:
        """Use some of it, for a caller or for nobody in particular.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS`` if it is more than the caller may have,
                ``SERVICE_UNAVAILABLE`` if it is more than there is.
        """
        with self._lock:
            if caller is not None and self._used_by[caller] + amount > self._per_caller:
                if not self._used_by[caller]:
                    del self._used_by[caller]
                raise ApiError(TOO_MANY_REQUESTS, {"Retry-After": "1"})
            if self.used + amount > self._total:
                raise overloaded()
            self.used += amount
            if caller is not None:
                self._used_by[caller] += amount

    def release(self, amount: int, caller: str | None) -> None:
        """Use so much less of it."""
        with self._lock:
            self.used -= amount
            if caller is not None:
                self._used_by[caller] -= amount
                if not self._used_by[caller]:
                    del self._used_by[caller]

    @contextmanager
    def reserve(self, amount: int, caller: str | None) -> Iterator[None]:
        """Use some of it until the block ends.

        Raises:
            ApiError: as ``acquire``.
        """
        self.acquire(amount, caller)
        try:
            yield
        finally:
            self.release(amount, caller)


def current_caller() -> str:
    """Whom the current request counts for: its account, else its address."""
    return f"account {g.user_id}" if "user_id" in g else client_network()
