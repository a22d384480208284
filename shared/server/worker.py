"""The gevent worker, with a graceful stop and with JSON errors for invalid requests."""

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import gevent
from gunicorn.errors import AppImportError
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.ggevent import GeventWorker

from shared.runtime import Runtime, runtime_of
from shared.server.request_head import HeadTimeoutError
from shared.server.response import send_error
from shared.web.errors import (
    BAD_REQUEST,
    HEADERS_TOO_LARGE,
    INTERNAL_SERVER_ERROR,
    REQUEST_TIMEOUT,
    URI_TOO_LONG,
    ErrorSpec,
)

log = logging.getLogger(__name__)

_ERRORS: dict[type[Exception], ErrorSpec] = {
    HeadTimeoutError: REQUEST_TIMEOUT,
    LimitRequestLine: URI_TOO_LONG,
    LimitRequestHeaders: HEADERS_TOO_LARGE,
}


class Worker(GeventWorker):
    """A gevent worker that stops without failing a request.

    On a signal it first drains: it reports that it is not ready, and closes connections after the
    response, so that callers use other replicas. Then it stops listening and waits for requests in
    flight, but not for idle connections.

    Attributes:
        shutdown_delay_seconds: the duration of draining.
    """

    shutdown_delay_seconds = 0.0

    _DRAIN_IDLE_TIMEOUT = 1.0

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Apply the timeout of the next request on a connection."""
        connection = gevent.getcurrent()
        seconds = self.cfg.keepalive if self.alive else self._DRAIN_IDLE_TIMEOUT
        self._idle.add(connection)
        try:
            with gevent.Timeout(seconds, exception=False):
                yield
        except gevent.GreenletExit:
            pass  # Stopped while the connection was idle: gunicorn closes it.
        finally:
            self._idle.discard(connection)

    def init_process(self) -> None:
        """Set the state of the worker, and run it."""
        self._idle: set[gevent.Greenlet] = set()
        self._draining = False
        self.wsgi: Any = None
        # gunicorn's `Config` looks settings up by a method, some fifteen in each request.
        self.cfg.__dict__.update({name: each.get() for name, each in self.cfg.settings.items()})
        super().init_process()

    def load_wsgi(self) -> None:
        """Get the application. If it refuses to start, gunicorn does not retry."""
        super().load_wsgi()
        try:
            for start in runtime_of(self.wsgi).at_start:
                start()
        except SystemExit as refusal:
            raise AppImportError(str(refusal)) from None

    def run(self) -> None:
        """Listen after the application is loaded, and serve."""
        for listener in self.sockets:
            listener.listen(self.cfg.backlog)
        super().run()

    def handle_request(self, name: Any, req: Any, client: socket.socket, address: Any) -> None:
        """Handle one request. A client that does not read the response loses its connection."""
        if self._draining:
            req.force_close()
        client.settimeout(self.cfg.keepalive)
        try:
            super().handle_request(name, req, client, address)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client does not read") from error
        finally:
            client.settimeout(None)

    def handle_error(self, req: Any, client: socket.socket, address: Any, error: Any) -> None:
        """Respond in JSON to an invalid request. Nothing of it is logged."""
        if isinstance(error, ParseException):
            spec = _ERRORS.get(type(error), BAD_REQUEST)
            log.warning(
                "invalid_request", extra={"reason": type(error).__name__, "address": address[:1]}
            )
        else:
            spec = INTERNAL_SERVER_ERROR
            log.error("request_failed", exc_info=error)
        send_error(client, spec)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain, then stop."""
        gevent.spawn(self._drain, sig, frame)  # A signal handler must not switch greenlets itself.

    def _drain(self, sig: int, frame: FrameType | None) -> None:
        runtime = Runtime() if self.wsgi is None else runtime_of(self.wsgi)
        self._draining = runtime.is_draining = True
        gevent.sleep(self.shutdown_delay_seconds)
        super().handle_exit(sig, frame)
        for stop in runtime.at_stop:
            stop()
        gevent.killall(list(self._idle), block=False)
