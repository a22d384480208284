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
import os
import select
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from shared.server.parent_death import set_parent_death_signal

_FOLDERS = "ims-prometheus-*"


def _remove_leftovers(memory: Path) -> None:
    """Remove the folders of programs that were killed together with their exporter."""
    for folder in memory.glob(_FOLDERS):
        with suppress(OSError):  # It is in use or another user's, or another exporter was faster.
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def main() -> None:
    """Answer until the program ends, or somebody ends this process alone."""
    descriptor, folder, program = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        set_parent_death_signal(program, signal.SIGTERM)
        _remove_leftovers(folder.parent)
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
