"""Return unused memory to the system.

Hashing a password takes 19 MiB, decoding an image much more, and glibc keeps such blocks for later
use. Other C libraries are not changed.
"""

import ctypes

import gevent

_M_ARENA_MAX = -8
_TRIM_INTERVAL = 10

_libc = ctypes.CDLL(None)


def limit_malloc_arenas() -> None:
    """Use one arena for all threads of this process and its children; call it before threads start.

    The arenas of threads are never trimmed. One arena costs nothing here, because few threads
    allocate at the same time under Python's lock.
    """
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_ARENA_MAX, 1)


def start_heap_trimming() -> None:
    """Trim the heap every few seconds, which takes up to 2 ms."""
    if hasattr(_libc, "malloc_trim"):
        gevent.spawn(_trim_loop)


def trim_heap() -> None:
    """Trim the heap now."""
    _libc.malloc_trim(0)


def _trim_loop() -> None:
    while True:
        gevent.sleep(_TRIM_INTERVAL)
        trim_heap()
