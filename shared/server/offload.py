"""Run blocking work of a gevent worker in threads."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from gevent.monkey import is_module_patched
from gevent.threadpool import ThreadPool

from shared.web.request_waits import release_database_connection

P = ParamSpec("P")
T = TypeVar("T")


class OffloadPool:
    """At most ``size`` threads for work that does not yield to gevent.

    Without gevent's patches (in commands and tests), the work runs in the caller's thread.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._threads: ThreadPool | None = None

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` while other greenlets continue; it must use neither a request nor a
        database.

        The database connection of the current request is released before.

        Raises:
            Exception: the exception of ``work``.
        """
        release_database_connection()
        if not is_module_patched("threading"):
            return work(*args, **kwargs)
        if self._threads is None:  # Created in the worker, after the fork.
            self._threads = ThreadPool(self._size)
        failures: list[Exception] = []

        def guarded() -> list[T]:
            # gevent would print every exception of its threads.
            try:
                return [work(*args, **kwargs)]
            except Exception as failure:
                failures.append(failure)
                return []

        results: list[T] = self._threads.apply(guarded)
        if failures:
            raise failures[0]
        return results[0]


cpu_pool = OffloadPool(2)
"""For work that keeps a processor busy: hashing passwords."""
