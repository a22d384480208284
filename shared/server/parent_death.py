"""End a process together with the process that started it."""

import ctypes
import os
import signal
import threading
import time

_PR_SET_PDEATHSIG = 1


def set_parent_death_signal(parent: int, by: signal.Signals) -> None:
    """Make this process receive the signal ``by`` when the process ``parent`` ends.

    Call it once, early, in the main thread. It works for every end of the parent, including ``kill
    -9``: by the kernel on Linux, elsewhere by a thread that checks every second.

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
    if os.getppid() != parent:  # The parent ended before the call.
        os.kill(os.getpid(), by)


def _poll_parent(parent: int, by: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), by)
