"""The HTTP server of `shared.server.exporter`."""

import os
import socket
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, MetricsHandler
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector


class WorkerMetricsCollector(Collector):
    """The counters and gauges of all workers of a program.

    Args:
        folder: the folder of their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = MultiProcessCollector(None, str(folder))

    def collect(self) -> Iterator[Metric]:
        """Add up the files, without the gauges of ended workers."""
        for pid in {int(file.stem.rpartition("_")[2]) for file in self._folder.glob("*.db")}:
            if not _is_alive(pid):
                mark_process_dead(pid, str(self._folder))
        yield from self._files.collect()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # It belongs to another user.
        return True
    return True


def serve(listener: socket.socket, folder: Path) -> None:
    """Serve the metrics of ``folder`` at ``listener`` forever."""
    registry = CollectorRegistry()
    registry.register(WorkerMetricsCollector(folder))
    handler = MetricsHandler.factory(registry)
    server = ThreadingHTTPServer(("", 0), handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()
