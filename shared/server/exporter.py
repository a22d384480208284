"""Export the metrics of a program, added up over its workers, on a separate port.

`shared.server.gunicorn_conf` starts this small process beside the workers, so that it responds when
all of them are busy. It ends with the program. Every worker writes files of its own. When a worker
ends, its counters remain and its gauges disappear.

``python -m shared.server.exporter LISTENER FOLDER PROGRAM``: descriptor of a listening socket,
folder of the files, process id of the program.

The folder is locked as long as the program or its exporter runs. An unlocked folder is left over,
also from another container.
"""

import fcntl
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from shared.server.parent_death import set_parent_death_signal

log = logging.getLogger(__name__)

_FOLDERS = "ims-prometheus-*"

_locks: list[int] = []  # Descriptors, open as long as the program runs.


def _remove_stale_directories(memory: Path) -> None:
    """Remove the folders of programs that were killed together with their exporter."""
    for folder in memory.glob(_FOLDERS):
        with suppress(
            OSError
        ):  # It is in use, belongs to another user, or another exporter was faster.
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def make_metrics_folder(memory: str | None) -> None:
    """Create the folder of the workers' files, before anything imports prometheus_client.

    Args:
        memory: a folder in memory; None if there is none.
    """
    # Locked before other processes see its name.
    unlocked = Path(tempfile.mkdtemp(prefix=".ims-prometheus-", dir=memory))
    _locks.append(os.open(unlocked, os.O_RDONLY))
    fcntl.flock(_locks[-1], fcntl.LOCK_EX)
    folder = unlocked.rename(unlocked.with_name(unlocked.name[1:]))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def start_exporter(host: str, port: int) -> None:
    """Start the process that exports the workers' files.

    Args:
        host: the address to listen on.
        port: the port to listen on.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:  # The program serves requests also without metrics.
        log.error("metrics_exporter_failed", extra={"reason": error.strerror})
        return
    with listener:
        folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
        arguments = (str(listener.fileno()), folder, str(os.getpid()))
        subprocess.Popen(
            [sys.executable, "-m", "shared.server.exporter", *arguments],
            pass_fds=[listener.fileno(), *_locks],
        )


def main() -> None:
    """Serve metrics until the program ends or a signal ends this process."""
    descriptor, folder, program = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The program handles Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        set_parent_death_signal(program, signal.SIGTERM)
        _remove_stale_directories(folder.parent)
        listener = socket.socket(fileno=descriptor)
        listener.setblocking(True)  # gevent opened it without blocking mode.
        select.select([listener], [], [])
        # Imported with the first scrape: it takes 0.25 s, and `make run` starts four exporters.
        from shared.server.metrics_server import serve  # noqa: PLC0415

        serve(listener, folder)
    finally:
        if os.getppid() != program:  # Otherwise its workers still write there.
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
