"""Work that would stop every other request of a gevent worker, done in threads beside its loop."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from gevent.monkey import is_module_patched
from gevent.threadpool import ThreadPool

from shared.web.request_waits import release_database_connection

P = ParamSpec("P")
T = TypeVar("T")


class OffloadPool:
    """At most ``size`` threads for work that does not yield to gevent.

    Where gevent does not run (commands, tests), the caller's own thread does the work.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._threads: ThreadPool | None = None

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work``, while other greenlets go on; it must not touch a request or a database.

        The database connection of the running request goes back to the pool before.

        Raises:
            Exception: what ``work`` raises.
        """
        release_database_connection()
        if not is_module_patched("threading"):
            return work(*args, **kwargs)
        if self._threads is None:  # Not before a worker has been forked.
            self._threads = ThreadPool(self._size)
        failures: list[Exception] = []

        def guarded() -> list[T]:
            # gevent would print whatever is raised in its threads.
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
