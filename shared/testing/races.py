"""Concurrent requests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def run_concurrently(*calls: Callable[[], T]) -> list[T]:
    """Call all functions at the same time, each in a thread.

    Returns:
        their results, in order.
    """
    start = Barrier(len(calls))

    def do(call: Callable[[], T]) -> T:
        start.wait(timeout=10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(do, calls))
