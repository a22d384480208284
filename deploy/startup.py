"""The data folder of a copy of the product: writable, and used by one run at a time."""

import fcntl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_INTERVAL = 0.1


class StartupError(Exception):
    """Why nothing was started, in one line for the user."""


def ensure_writable(data_dir: Path) -> Path:
    """The data folder, made if it is missing.

    Raises:
        StartupError: it is not writable.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # It belongs to another user, as a volume of a cluster.
            data_dir.chmod(0o700)  # Earlier versions let others read it.
        with tempfile.TemporaryFile(dir=data_dir):
            return data_dir
    except OSError as error:
        raise StartupError(f"DATA_DIR: {error.strerror}: {data_dir}") from None


@contextmanager
def exclusive_lock(run_dir: Path) -> Iterator[int]:
    """Lock the data folder, for this process and the supervisor that inherits the descriptor."""
    run_dir.mkdir(exist_ok=True)
    with (run_dir / "lock").open("w") as lock:
        deadline = time.monotonic() + 1  # The supervisor of a killed run ends a moment after it.
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StartupError(f"DATA_DIR: it already runs on {run_dir.parent}") from None
                time.sleep(POLL_INTERVAL)
        yield lock.fileno()
