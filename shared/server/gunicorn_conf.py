"""Configuration of gunicorn for every program: ``gunicorn -c python:shared.server.gunicorn_conf
APP``.

The number of workers is gunicorn's own ``WEB_CONCURRENCY`` (default 1). The application is loaded
before workers are forked, so that they share its memory. Its `Runtime` has the functions that each
worker calls. Before a worker stops, it drains for ``SHUTDOWN_DELAY_SECONDS``: it still accepts
requests, but reports that it is not ready.
"""

import gc

from gevent import events, monkey

# Without plugins, for which gevent would read the metadata of every installed package 25 times.
events.notify_and_call_entry_points = events.notify
# Before all other imports: a module that has imported the unpatched socket or
# threading would block the whole worker.
monkey.patch_all()
gc.disable()  # What is loaded stays: collections would take a sixth of the start.

import math
import os
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger as GunicornLogger

from shared.logs import configure_logging
from shared.runtime import runtime_of
from shared.server import request_head, response
from shared.server.exporter import make_metrics_folder, start_exporter
from shared.server.malloc import limit_malloc_arenas, start_heap_trimming
from shared.server.parent_death import set_parent_death_signal
from shared.server.worker import Worker
from shared.settings import ServerSettings, SettingsError, load_settings

# A program ends together with the supervisor that started it.
if "SUPERVISOR_PID" in os.environ:
    set_parent_death_signal(int(os.environ["SUPERVISOR_PID"]), signal.SIGQUIT)
limit_malloc_arenas()
request_head.install()
response.install()

try:
    _settings = load_settings(ServerSettings, os.environ)
except SettingsError as error:
    sys.exit(str(error))
Worker.shutdown_delay_seconds = _settings.shutdown_delay_seconds
_GC_THRESHOLD = 10_000  # Above the number of rows in most responses.
_TMPFS = "/dev/shm" if Path("/dev/shm").is_dir() else None
_decoder_lock = tempfile.TemporaryFile()  # noqa: SIM115 - open until the workers end


class Logger(GunicornLogger):
    """gunicorn's log lines in the format of the application's."""

    def setup(self, cfg: Config) -> None:
        """Send gunicorn's log lines to the handler of the root logger."""
        super().setup(cfg)
        package = cfg.default_proc_name.partition(".")[0]
        configure_logging(package, _settings.log_level, _settings.log_format)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def on_starting(server: Arbiter) -> None:
    """Load the application, as ``preload_app`` would without the variables that it reads."""
    os.environ["WEB_CONCURRENCY"] = str(server.cfg.workers)
    os.environ["IMS_DECODER_LOCK"] = str(_decoder_lock.fileno())
    if _settings.metrics_port is not None:
        make_metrics_folder(_TMPFS)
    try:
        server.app.wsgi()
    except SettingsError as error:
        sys.exit(str(error))
    # Collections need not visit it, and would copy shared memory (docs/decisions/0017).
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    gc.enable()


def when_ready(server: Arbiter) -> None:
    """Before workers start: stop listening until one can respond, and start the exporter."""
    _stop_listening(server)
    if _settings.metrics_port is not None:
        bound_to = server.LISTENERS[0].getsockname()  # The address of a Unix socket is a path.
        own_host = "127.0.0.1" if isinstance(bound_to, str) else bound_to[0]
        start_exporter(_settings.metrics_host or own_host, _settings.metrics_port)


def _stop_listening(server: Arbiter) -> None:
    """Stop listening, so that callers use other replicas; the first ready worker listens again."""
    for listener in server.LISTENERS:
        if listener.FAMILY != socket.AF_UNIX:
            with suppress(OSError):  # Only on Linux can a socket stop listening and stay bound.
                listener.sock.shutdown(socket.SHUT_RD)


def pre_fork(_server: Arbiter, _worker: Worker) -> None:
    """Recreate the folder of the metrics if it was removed, because a worker would not start
    without it.
    """
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(folder).mkdir(mode=0o700, exist_ok=True)


def post_worker_init(worker: Worker) -> None:
    """Start the background work of the application."""
    start_heap_trimming()
    for start in runtime_of(worker.wsgi).background:
        start()


logger_class = Logger
loglevel = "warning"  # Neither messages about each start nor heads of requests.
accesslog = None  # The applications log requests, without query strings.
worker_class = Worker
worker_connections = 10_000  # Websockets count as connections.
worker_tmp_dir = _TMPFS  # On disk, a slow write would look like a hanging worker.
control_socket_disable = True
timeout = 60
graceful_timeout = 20 + math.ceil(_settings.shutdown_delay_seconds)
keepalive = 75  # Longer than the idle timeouts of pools and proxies, so that they close first.
http_parser = "python"  # docs/decisions/0001-http-parser.md
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# The gateway's TRUSTED_PROXIES decides which forwarding headers are trusted.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
