"""A program's metrics, added up over its workers, on a port of their own.

A small process that `shared.gunicorn_conf` starts beside the workers, so that it answers when
they are all busy; it ends with the program. Every worker counts in files of its own. What a
worker has counted stays when it ends; what it only measured (its gauges) goes.

``python -m shared.exporter LISTENER FOLDER PROGRAM``: descriptor of a listening socket, folder
of the files, process id of the program.
"""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, MetricsHandler
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from shared.lifeline import end_with


class _Workers(Collector):
    """What the workers of a program have counted and measured.

    Args:
        folder: of their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = MultiProcessCollector(None, str(folder))

    def collect(self) -> Iterator[Metric]:
        """Add up the files, but for the gauges of workers that have ended."""
        for pid in {int(file.stem.rpartition("_")[2]) for file in self._folder.glob("*.db")}:
            if not _is_alive(pid):
                mark_process_dead(pid, str(self._folder))
        yield from self._files.collect()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # It is somebody else's.
        return True
    return True


def _tidy_up(memory: Path) -> None:
    """Remove what programs left that were killed together with their exporter."""
    for folder in memory.glob("ims-metrics-*-*"):
        if not _is_alive(int(folder.name.split("-")[2])):
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Answer until the program ends, or somebody ends this process alone."""
    listener, folder, program = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        end_with(program, signal.SIGTERM)
        _tidy_up(folder.parent)
        registry = CollectorRegistry()
        registry.register(_Workers(folder))
        handler = MetricsHandler.factory(registry)
        server = ThreadingHTTPServer(("", 0), handler, bind_and_activate=False)
        server.socket.close()
        server.socket = socket.socket(fileno=listener)
        server.socket.setblocking(True)  # gevent, who opened it, does not.
        server.serve_forever()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
