"""The body of a request: whole and in time, or it is a bad one."""

import socket
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from flask import Flask
from gevent import Timeout

from shared.errors import bad_parameter

_BLOCK = 64 * 1024
_MAX_DISCARDED_BYTES = 32 * 1024 * 1024
_DISCARD_TIMEOUT = 5


class Stream(Protocol):
    """Where a server gives a body."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""
        ...


class PunctualBody:
    """A body that has to arrive within ``seconds`` from now.

    Every method raises ``ApiError``, a bad ``body``, if it does not, or if it breaks.
    """

    def __init__(self, stream: Stream, seconds: float) -> None:
        self._stream = stream
        self._deadline = monotonic() + seconds

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end."""
        try:
            with Timeout(max(0, self._deadline - monotonic())):
                return self._stream.read(size)
        except (Exception, Timeout) as error:  # Whatever the server makes of a broken body.
            raise bad_parameter("body") from error


def expect_bodies_within(app: Flask, seconds: float) -> None:
    """Bound how long a client may take to send a body, if a server runs ``app``."""
    answer = app.wsgi_app

    def in_time(environ: dict[str, Any], start_response: Any) -> Any:
        if "gunicorn.socket" in environ:
            environ["wsgi.input"] = PunctualBody(environ["wsgi.input"], seconds)
        return answer(environ, start_response)

    app.wsgi_app = in_time  # type: ignore[method-assign]


def discard_input(client: socket.socket) -> None:
    """Read what a client still sends after it was refused, so that it can read the refusal.

    To close a connection with unread bytes is to destroy the answer on its way. Amount and
    time are bounded.
    """
    discarded = 0
    with suppress(OSError), Timeout(_DISCARD_TIMEOUT, exception=False):
        while discarded < _MAX_DISCARDED_BYTES and (block := client.recv(_BLOCK)):
            discarded += len(block)
