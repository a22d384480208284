"""Starting processes with nothing of this one's environment, and waiting until processes end."""

import os
import time
from collections.abc import Iterable

import psutil

_SECONDS_BETWEEN_LOOKS = 0.01

_INHERITED = ("PATH", "COVERAGE_PROCESS_CONFIG")  # The second one measures what the process runs.


def environment_of_tests() -> dict[str, str]:
    """What a program under test inherits beside its settings."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


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
