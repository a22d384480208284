"""Read request bodies with bounds of size and time."""

import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from flask import Flask
from gevent import Timeout
from werkzeug.wsgi import ClosingIterator

from shared.settings import ProgramSettings
from shared.web.errors import REQUEST_TIMEOUT, ApiError, bad_parameter
from shared.web.rate_limits import network_key
from shared.web.waiting import waiting_clients

CHUNK_SIZE = 64 * 1024
_GRACE_SECONDS = 10
_MAX_DISCARDED_BYTES = 32 * 1024 * 1024
_DISCARD_TIMEOUT = 5

Environ = dict[str, Any]


class Stream(Protocol):
    """A body as a server provides it.

    Attributes:
        failed: whether the connection must be closed after this request.
    """

    failed: bool

    def read(self, size: int = -1, /) -> bytes:
        """Read the next bytes; empty at the end."""
        ...


class IncomingBody:
    """A request body with a minimum rate and a timeout.

    Args:
        environ: the WSGI environment under gunicorn.
        settings: the timeout and the minimum rate.
        before_waiting: releases resources before the process waits for the client.
    """

    def __init__(
        self, environ: Environ, settings: ProgramSettings, before_waiting: Callable[[], None]
    ) -> None:
        self._environ = environ
        self._stream: Stream = environ["wsgi.input"]
        self._connection: socket.socket = environ["gunicorn.socket"]
        self._timeout = settings.body_timeout_seconds
        self._rate = settings.body_min_bytes_per_second
        self._before_waiting = before_waiting
        self._deadline = 0.0
        self._received = 0
        self._has_failed = False

    def read(self, size: int = -1) -> bytes:
        """Read the next ``size`` bytes (fewer only at the end), or all without ``size``.

        Raises:
            ApiError: ``REQUEST_TIMEOUT`` if they are too slow, a bad ``body`` if the body is
                malformed.
        """
        if not self._deadline:
            self._deadline = monotonic() + _GRACE_SECONDS
            self._before_waiting()
        blocks: list[bytes] = []
        missing = size
        while missing:
            wanted = CHUNK_SIZE if missing < 0 else min(CHUNK_SIZE, missing)
            block = self._read_block(wanted)
            blocks.append(block)
            if len(block) < wanted:  # gunicorn reads as much as was requested.
                break
            missing -= len(block) if missing > 0 else 0
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _read_block(self, size: int) -> bytes:
        seconds_left = self._deadline - monotonic()
        answer_timeout = self._connection.gettimeout()
        client = network_key(self._environ.get("REMOTE_ADDR", ""))
        try:
            with waiting_clients.wait_for(self._connection, client), Timeout(max(0, seconds_left)):
                self._connection.settimeout(self._timeout)
                block = self._stream.read(size)
        except (TimeoutError, Timeout) as error:
            self._has_failed = True
            raise ApiError(REQUEST_TIMEOUT) from error
        except Exception as error:  # Any error of the server about a malformed body.
            self._has_failed = True
            raise bad_parameter("body") from error
        finally:
            self._connection.settimeout(answer_timeout)
        self._received += len(block)
        # A client that has sent much at once may not be silent for as long as that would allow.
        latest = monotonic() + _GRACE_SECONDS + self._timeout
        self._deadline = min(self._deadline + len(block) / self._rate, latest)
        return block

    def discard(self) -> None:
        """Read the rest, so that the client can read the response.

        The connection is closed if the rest is too long or too slow.
        """
        if str(self._received) == self._environ.get("CONTENT_LENGTH"):
            return
        if self._has_failed:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
            discard_input(self._connection)
        self._deadline = self._deadline or monotonic() + _GRACE_SECONDS
        discarded = 0
        with suppress(ApiError), Timeout(_DISCARD_TIMEOUT, exception=False):
            while not self._has_failed and discarded < _MAX_DISCARDED_BYTES:
                block = self.read(CHUNK_SIZE)
                if len(block) < CHUNK_SIZE:
                    return
                discarded += len(block)
        self._stream.failed = True  # The start of the next request is unknown.


def has_body(environ: Environ) -> bool:
    """Whether the request has a body."""
    return "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "") not in ("", "0")


def bound_bodies(
    app: Flask, settings: ProgramSettings, before_waiting: Callable[[], None] = lambda: None
) -> None:
    """Apply the time bounds to the bodies of ``app``, if a server runs it.

    Args:
        app: a program.
        settings: its bounds.
        before_waiting: called in a request before its body is read.
    """
    application = app.wsgi_app

    def with_bounded_body(environ: Environ, start_response: Any) -> Any:
        if "gunicorn.socket" not in environ or not has_body(environ):
            return application(environ, start_response)
        body = environ["wsgi.input"] = IncomingBody(environ, settings, before_waiting)
        return ClosingIterator(application(environ, start_response), body.discard)

    app.wsgi_app = with_bounded_body  # type: ignore[method-assign]


def discard_input(client: socket.socket) -> None:
    """Read the rest of a rejected client's input, so that it can read the response.

    Closing a connection with unread bytes would destroy the response in transit. Size and time are
    bounded.
    """
    discarded = 0
    with suppress(OSError), Timeout(_DISCARD_TIMEOUT, exception=False):
        while discarded < _MAX_DISCARDED_BYTES and (block := client.recv(CHUNK_SIZE)):
            discarded += len(block)
