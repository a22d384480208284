"""A program's metrics, added up over its workers, on a port of their own.

A small process that `shared.server.gunicorn_conf` starts beside the workers, so that it answers
when they are all busy; it ends with the program. Every worker counts in files of its own. What a
worker has counted stays when it ends; what it only measured (its gauges) goes.

``python -m shared.server.exporter LISTENER FOLDER PROGRAM``: descriptor of a listening socket,
folder of the files, process id of the program.

The folder is locked as long as the program or its exporter runs: one that is not is left over, in
whichever container the program was.
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


def _remove_stale_directories(memory: Path) -> None:
    """Remove the folders of programs that were killed together with their exporter."""
    for folder in memory.glob(_FOLDERS):
        with suppress(OSError):  # It is in use or another user's, or another exporter was faster.
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def start_exporter(host: str, port: int, memory: str | None) -> None:
    """Let the workers count in a new folder, and start the process that shows the sums.

    Args:
        host: address to listen on.
        port: to listen on.
        memory: folder in memory; None if there is none.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:  # Serving is more important than metrics.
        log.error("metrics_exporter_failed", extra={"why": error.strerror})
        return
    with listener:
        folder, lock = _make_locked_folder(memory)
        # Where prometheus_client, when a worker imports it, looks for the folder.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        arguments = (str(listener.fileno()), folder, str(os.getpid()))
        subprocess.Popen(
            [sys.executable, "-m", "shared.server.exporter", *arguments],
            pass_fds=[listener.fileno(), lock],
        )


def _make_locked_folder(memory: str | None) -> tuple[str, int]:
    """A new folder for metrics, and the descriptor that locks it, before others see its name."""
    unlocked = Path(tempfile.mkdtemp(prefix=".ims-prometheus-", dir=memory))
    lock = os.open(unlocked, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return str(unlocked.rename(unlocked.with_name(unlocked.name[1:]))), lock


def main() -> None:
    """Serve metrics until the program ends, or a signal ends this process."""
    descriptor, folder, program = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        set_parent_death_signal(program, signal.SIGTERM)
        _remove_stale_directories(folder.parent)
        listener = socket.socket(fileno=descriptor)
        listener.setblocking(True)  # gevent, who opened it, does not.
        select.select([listener], [], [])
        # Four of these start with `make run`: what takes a quarter of a second waits for a client.
        from shared.server.metrics_server import serve  # noqa: PLC0415

        serve(listener, folder)
    finally:
        if os.getppid() != program:  # Else its workers go on counting there.
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
