"""Start processes with a clean environment, and wait for the end of processes."""

import os
import time
from collections.abc import Iterable

import psutil

_POLL_INTERVAL = 0.01

_INHERITED = ("PATH", "COVERAGE_PROCESS_CONFIG")  # The second one is for coverage measurements.


def environment_of_tests() -> dict[str, str]:
    """Get the variables that a program under test inherits besides its settings."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def all_end(processes: Iterable[psutil.Process], seconds: float = 30) -> bool:
    """Wait until all processes have ended; return whether they have.

    A zombie counts as ended, because its parent may read its status later.
    """
    deadline = time.monotonic() + seconds
    for process in processes:
        while _runs(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_INTERVAL)
    return True


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
