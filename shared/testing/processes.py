"""Waiting until processes have ended, also those whose parent was killed."""

import time
from collections.abc import Iterable

import psutil

_SECONDS_BETWEEN_LOOKS = 0.01


def all_end(processes: Iterable[psutil.Process], seconds: float = 30) -> bool:
    """Whether none of them runs any more, waiting for so many seconds.

    Whoever inherits one may take its time to notice that it has ended: that is not waited for.
    """
    deadline = time.monotonic() + seconds
    for process in processes:
        while _runs(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    return True


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
