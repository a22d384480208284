"""What a program does not need any more goes back to the system.

Hashing a password takes 19 MiB, decoding a picture much more, and glibc keeps such pieces for
the next time. Other C libraries are left alone.
"""

import ctypes

import gevent

_M_ARENA_MAX = -8
_TRIM_INTERVAL = 10

_libc = ctypes.CDLL(None)


def limit_malloc_arenas() -> None:
    """Let the threads of this process and of its children share one; call it before there are any.

    What the heap of a thread has kept is never given back. To share one costs nothing here:
    Python's lock lets few threads ask for memory at a time.
    """
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_ARENA_MAX, 1)


def start_heap_trimming() -> None:
    """Give back what lies unused, every few seconds: 2 ms when there is much of it."""
    if hasattr(_libc, "malloc_trim"):
        gevent.spawn(_trim_loop)


def trim_heap() -> None:
    """Give back what lies unused now."""
    _libc.malloc_trim(0)


def _trim_loop() -> None:
    while True:
        gevent.sleep(_TRIM_INTERVAL)
        trim_heap()
