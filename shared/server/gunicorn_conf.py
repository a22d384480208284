"""How every program runs under gunicorn: ``gunicorn -c python:shared.server.gunicorn_conf APP``.

The number of workers is gunicorn's own ``WEB_CONCURRENCY`` (1 unless set). An application
says by its `Runtime` what is called in every worker. Before a worker stops, it is draining for
``SHUTDOWN_DELAY_SECONDS``: requests are still taken, but no more are wanted.
"""

from gevent import monkey

# Before anything else is imported: what a module takes from an unpatched socket or
# threading blocks the whole worker.
monkey.patch_all()

import errno
import fcntl
import json
import logging
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import gevent
from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.http import wsgi
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.ggevent import GeventWorker

from shared.logs import configure_logging
from shared.runtime import Runtime, runtime_of
from shared.server.malloc import limit_malloc_arenas, start_heap_trimming
from shared.server.parent_death import set_parent_death_signal
from shared.settings import Settings, load_settings
from shared.web.errors import (
    BAD_REQUEST,
    HEADERS_TOO_LARGE,
    INTERNAL,
    REQUEST_TIMEOUT,
    URI_TOO_LONG,
    ErrorSpec,
)
from shared.web.rate_limits import network_key
from shared.web.request_body import discard_input
from shared.web.waiting import waiting_clients

# A program that a manager of ours started ends with it, at once.
if "MANAGER_PID" in os.environ:
    set_parent_death_signal(int(os.environ["MANAGER_PID"]), signal.SIGQUIT)
limit_malloc_arenas()


class _ServerSettings(Settings):
    """What of `ProgramSettings` is for the server; the rest is the application's."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"
    metrics_host: str = ""
    metrics_port: int | None = None
    shutdown_delay_seconds: float = 0


log = logging.getLogger(__name__)
_settings = load_settings(_ServerSettings, os.environ)
_memory = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Logger(GunicornLogger):
    """gunicorn's own lines, written like those of the application."""

    def setup(self, cfg: Config) -> None:
        """Send gunicorn's lines to the handler of the root logger."""
        super().setup(cfg)
        package = cfg.default_proc_name.partition(".")[0]
        configure_logging(package, _settings.log_level, _settings.log_format)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


MAX_HEAD_BYTES = 32 * 1024
_HEAD_TIMEOUT = 15
# Or a line feed that ends no line: what is no head is not waited for.
_END_OF_HEAD = re.compile(rb"\r\n\r\n|(?<!\r)\n")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_ANSWER_BLOCK = 64 * 1024


def _refuse(client: socket.socket, spec: ErrorSpec) -> None:
    """Answer what never reached the application, and wait until the client can have read it."""
    body = json.dumps({"code": spec.code, "info": spec.info})
    head = (
        f"HTTP/1.1 {spec.status} {HTTPStatus(spec.status).phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    with suppress(OSError):
        util.write_nonblock(client, "\r\n".join((*head, "", body)).encode())
        client.shutdown(socket.SHUT_WR)
    discard_input(client)


def _client_of(peer_address: Any) -> str:
    """Whom a connection counts for. A peer on a Unix socket has no address."""
    return network_key(peer_address[0]) if isinstance(peer_address, tuple) else ""


class HeadTimeoutError(ParseException):
    """The head of a request was not complete in time."""


class _Request(Request):
    """A request whose head is bounded in size and time, and read once before it is parsed."""

    def parse(self, unreader: Any) -> bytes:
        """Read and parse the head; what came behind it is returned."""
        self.max_buffer_headers = MAX_HEAD_BYTES  # Of a trailer, too.
        with waiting_clients.wait_for(unreader.sock, _client_of(self.peer_addr)):
            head = _read_head(unreader)
        line, end, rest = head.partition(b"\r\n")
        if not line.isascii():
            line = _encode_target(line)
        unreader.unread(line + end + rest)
        unused: bytes = super().parse(unreader)
        return unused


def _read_head(unreader: Any) -> bytes:
    """What comes up to the end of a head, or to where it cannot be one any more.

    gunicorn's parsers look at all of an unfinished head whenever more of it comes, so they get
    it when it is there.
    """
    head = bytearray(unreader.read())
    end = _END_OF_HEAD.search(head)
    if head and not end:
        with gevent.Timeout(_HEAD_TIMEOUT, HeadTimeoutError):
            while not end and len(head) <= MAX_HEAD_BYTES and (block := unreader.read()):
                looked_at = max(0, len(head) - 3)
                head += block
                end = _END_OF_HEAD.search(head, looked_at)
    if (end.end() if end else len(head)) > MAX_HEAD_BYTES:
        line_length = head.find(b"\r\n")
        if not 0 <= line_length <= limit_request_line:
            raise LimitRequestLine(line_length, limit_request_line)
        raise LimitRequestHeaders("the head is too large")
    return bytes(head)


def _encode_target(line: bytes) -> bytes:
    """A request line whose target holds raw UTF-8, as some programs send it, in ASCII."""
    method, space, target = line.partition(b" ")
    return method + space + _NOT_ASCII.sub(lambda byte: b"%%%02X" % ord(byte[0]), target)


RequestParser.mesg_class = _Request

_REFUSALS: dict[type[Exception], ErrorSpec] = {
    HeadTimeoutError: REQUEST_TIMEOUT,
    LimitRequestLine: URI_TOO_LONG,
    LimitRequestHeaders: HEADERS_TOO_LARGE,
}


class Worker(GeventWorker):
    """A gevent worker that leaves without failing a request.

    Told to stop, it says that it is not ready, and on every answer that the connection ends
    there, so that its callers turn to other replicas. When they have had the time to, it stops
    listening, waits for requests in flight, but not for idle connections.
    """

    _SECONDS_FOR_LATE_REQUESTS = 1.0

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Bound the wait for the next request on a connection."""
        connection = gevent.getcurrent()
        seconds = self.cfg.keepalive if self.alive else self._SECONDS_FOR_LATE_REQUESTS
        self._idle.add(connection)
        try:
            with gevent.Timeout(seconds, exception=False):
                yield
        except gevent.GreenletExit:
            pass  # Told to stop while nothing was asked: gunicorn closes the connection.
        finally:
            self._idle.discard(connection)

    def init_process(self) -> None:
        """Begin without connections, and run."""
        self._idle: set[gevent.Greenlet] = set()
        self._leaving = False
        self.wsgi: Any = None
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application; one that refuses to start is not tried again and again."""
        try:
            super().load_wsgi()
            for start in runtime_of(self.wsgi).at_start:
                start()
        except SystemExit as refusal:
            raise AppImportError(refusal.code) from None

    def run(self) -> None:
        """Listen, now that there is somebody to answer, and serve."""
        for listener in self.sockets:
            listener.listen(self.cfg.backlog)
        super().run()

    def handle_request(self, name: Any, req: Any, client: socket.socket, address: Any) -> None:
        """Answer one request, to a client that takes the answer."""
        if self._leaving:
            req.force_close()
        client.settimeout(self.cfg.keepalive)
        try:
            super().handle_request(name, req, client, address)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client took nothing") from error
        finally:
            client.settimeout(None)

    def handle_error(self, req: Any, client: socket.socket, address: Any, error: Any) -> None:
        """Refuse what is no request, as JSON. A log line holds nothing of what was sent."""
        if isinstance(error, ParseException):
            spec = _REFUSALS.get(type(error), BAD_REQUEST)
            log.warning(
                "invalid_request", extra={"why": type(error).__name__, "address": address[:1]}
            )
        else:
            spec = INTERNAL
            log.error("request_failed", exc_info=error)
        _refuse(client, spec)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave, then finish what is in flight and let go of the rest."""
        gevent.spawn(self._leave, sig, frame)  # A signal handler must not switch greenlets itself.

    def _leave(self, sig: int, frame: FrameType | None) -> None:
        runtime = Runtime() if self.wsgi is None else runtime_of(self.wsgi)
        self._leaving = runtime.is_draining = True
        gevent.sleep(_settings.shutdown_delay_seconds)
        super().handle_exit(sig, frame)
        for stop in runtime.at_stop:
            stop()
        gevent.killall(list(self._idle), block=False)


class _Collected(bytearray):
    """What would be sent over a connection."""

    sendall = bytearray.extend


class _Response(wsgi.Response):
    """An answer whose head and first block leave together; most of the cost is the sending.

    How long a client may take is counted anew for every 64 KiB.
    """

    sock: Any

    def default_headers(self) -> list[str]:
        """All but the name of the server."""
        lines: list[str] = super().default_headers()
        return [line for line in lines if not line.startswith("Server:")]

    def write(self, block: bytes) -> None:
        """Send a block of the body, and the head before the first, to a client that takes it."""
        connection, self.sock = self.sock, _Collected()
        try:
            super().write(block)
        finally:
            collected, self.sock = self.sock, connection
        with waiting_clients.wait_for(connection, _client_of(self.req.peer_addr)):
            for start in range(0, len(collected), _ANSWER_BLOCK):
                connection.sendall(collected[start : start + _ANSWER_BLOCK])


wsgi.Response = _Response


_decoder_lock = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as there are workers


def on_starting(server: Arbiter) -> None:
    """Let the application know how many workers there are, and what their decoders share."""
    os.environ["WEB_CONCURRENCY"] = str(server.cfg.workers)
    os.environ["IMS_DECODER_LOCK"] = str(_decoder_lock.fileno())


def when_ready(server: Arbiter) -> None:
    """Before there are workers: stop listening until one can answer, and show metrics."""
    _refuse_connections(server)
    _show_metrics(server)


def _refuse_connections(server: Arbiter) -> None:
    """Let callers turn to other replicas meanwhile; a worker that is ready listens again."""
    for listener in server.LISTENERS:
        if listener.FAMILY != socket.AF_UNIX:
            with suppress(OSError):  # Only Linux lets a socket stop listening and stay bound.
                listener.sock.shutdown(socket.SHUT_RD)


def _show_metrics(server: Arbiter) -> None:
    """Let workers, from the first one on, count together, and a process show the sums."""
    if _settings.metrics_port is None:
        return
    bound_to = server.LISTENERS[0].getsockname()  # Of a Unix socket, this is a path.
    own_host = "127.0.0.1" if isinstance(bound_to, str) else bound_to[0]
    host = _settings.metrics_host or own_host
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, _settings.metrics_port), family=family)
    except OSError as error:  # To serve is more important than to be watched.
        log.error("metrics_exporter_failed", extra={"why": error.strerror})
        return
    with listener:
        folder, lock = _make_locked_folder()
        # Where prometheus_client, when a worker imports it, looks for the folder.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        arguments = (str(listener.fileno()), folder, str(os.getpid()))
        subprocess.Popen(
            [sys.executable, "-m", "shared.server.exporter", *arguments],
            pass_fds=[listener.fileno(), lock],
        )


def _make_locked_folder() -> tuple[str, int]:
    """A new folder for metrics, and the descriptor that locks it, before others see its name."""
    unlocked = Path(tempfile.mkdtemp(prefix=".ims-prometheus-", dir=_memory))
    lock = os.open(unlocked, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return str(unlocked.rename(unlocked.with_name(unlocked.name[1:]))), lock


def pre_fork(_server: Arbiter, _worker: Worker) -> None:
    """Let a worker start, although somebody has removed the folder in which it counts."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(folder).mkdir(mode=0o700, exist_ok=True)


def post_worker_init(worker: Worker) -> None:
    """Start what is done beside answering requests."""
    start_heap_trimming()
    for start in runtime_of(worker.wsgi).background:
        start()


logger_class = Logger
loglevel = "warning"  # No chatter about each start, and no heads of requests.
accesslog = None  # The applications log requests, without query strings.
worker_class = Worker
worker_connections = 10_000  # Websockets are connections, too.
worker_tmp_dir = _memory  # A slow disk looks like a hang.
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
