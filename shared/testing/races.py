"""Requests that really run at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def run_concurrently(*calls: Callable[[], T]) -> list[T]:
    """Do all of ``calls``, each in a thread of its own, which begin together.

    Returns:
        what they returned, in their order.
    """
    start = Barrier(len(calls))

    def do(deed: Callable[[], T]) -> T:
        start.wait(timeout=10)
        return deed()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(do, calls))
