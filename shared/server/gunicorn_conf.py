"""How every program runs under gunicorn: ``gunicorn -c python:shared.server.gunicorn_conf APP``.

The number of workers is gunicorn's own ``WEB_CONCURRENCY`` (1 unless set). An application
says by its `Runtime` what is called in every worker. Before a worker stops, it is draining for
``SHUTDOWN_DELAY_SECONDS``: requests are still accepted, but no more are wanted.
"""

from gevent import monkey

# Before anything else is imported: what a module takes from an unpatched socket or
# threading blocks the whole worker.
monkey.patch_all()

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
from shared.server.exporter import start_exporter
from shared.server.malloc import limit_malloc_arenas, start_heap_trimming
from shared.server.parent_death import set_parent_death_signal
from shared.server.worker import Worker
from shared.settings import ServerSettings, SettingsError, load_settings

# A program that our supervisor started ends with it, at once.
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
_TMPFS = "/dev/shm" if Path("/dev/shm").is_dir() else None
_decoder_lock = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as there are workers


class Logger(GunicornLogger):
    """gunicorn's own lines, written like those of the application."""

    def setup(self, cfg: Config) -> None:
        """Send gunicorn's lines to the handler of the root logger."""
        super().setup(cfg)
        package = cfg.default_proc_name.partition(".")[0]
        configure_logging(package, _settings.log_level, _settings.log_format)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def on_starting(server: Arbiter) -> None:
    """Let the application know how many workers there are, and what their decoders share."""
    os.environ["WEB_CONCURRENCY"] = str(server.cfg.workers)
    os.environ["IMS_DECODER_LOCK"] = str(_decoder_lock.fileno())


def when_ready(server: Arbiter) -> None:
    """Before there are workers: stop listening until one can respond, and show metrics."""
    _stop_listening(server)
    if _settings.metrics_port is not None:
        bound_to = server.LISTENERS[0].getsockname()  # Of a Unix socket, this is a path.
        own_host = "127.0.0.1" if isinstance(bound_to, str) else bound_to[0]
        start_exporter(_settings.metrics_host or own_host, _settings.metrics_port, _TMPFS)


def _stop_listening(server: Arbiter) -> None:
    """Let callers turn to other replicas meanwhile; a worker that is ready listens again."""
    for listener in server.LISTENERS:
        if listener.FAMILY != socket.AF_UNIX:
            with suppress(OSError):  # Only Linux lets a socket stop listening and stay bound.
                listener.sock.shutdown(socket.SHUT_RD)


def pre_fork(_server: Arbiter, _worker: Worker) -> None:
    """Let a worker start although the folder in which it counts was removed."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(folder).mkdir(mode=0o700, exist_ok=True)


def post_worker_init(worker: Worker) -> None:
    """Start what runs beside requests."""
    start_heap_trimming()
    for start in runtime_of(worker.wsgi).background:
        start()


logger_class = Logger
loglevel = "warning"  # No chatter about each start, and no heads of requests.
accesslog = None  # The applications log requests, without query strings.
worker_class = Worker
worker_connections = 10_000  # Websockets are connections, too.
worker_tmp_dir = _TMPFS  # A slow disk looks like a hang.
control_socket_disable = True
timeout = 60
graceful_timeout = 20 + math.ceil(_settings.shutdown_delay_seconds)
keepalive = 75  # Longer than pools and proxies keep a connection, so that they close it first.
http_parser = "python"  # docs/decisions/0001-http-parser.md
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# Whose forwarding headers count is the gateway's TRUSTED_PROXIES, not gunicorn's to decide.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
