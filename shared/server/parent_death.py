"""Ending together: a process that must not outlive the one that started it."""

import ctypes
import os
import signal
import threading
import time

_PR_SET_PDEATHSIG = 1


def set_parent_death_signal(parent: int, by: signal.Signals) -> None:
    """Make this process receive the signal ``by`` when the process ``parent`` has ended.

    Call it once, early, in the main thread. It holds however the parent ends, also by
    ``kill -9``: on Linux the kernel sees to it, elsewhere a thread that looks every second.

    Args:
        parent: the process that started this one.
        by: the signal that ends this one.
    """
    try:
        prctl = ctypes.CDLL(None).prctl
    except AttributeError:
        threading.Thread(target=_poll_parent, args=(parent, by), daemon=True).start()
        return
    prctl(_PR_SET_PDEATHSIG, int(by))
    if os.getppid() != parent:  # It ended before the kernel was asked.
        os.kill(os.getpid(), by)


def _poll_parent(parent: int, by: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), by)
