"""Connections to services: requests out, answers in, neither stored.

Answers are parsed by llhttp, which refuses whatever could be read in two ways.
"""

import socket
import weakref
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from shared.server.sockets import is_idle_and_open
from shared.web.errors import GATEWAY_TIMEOUT, SERVICE_UNAVAILABLE
from shared.web.request_body import BLOCK
from shared.web.spool import SpoolFile

# Much shorter than services keep an idle connection, so that they hardly ever close one that
# is just being used: a POST that meets a closed connection cannot be repeated.
_IDLE_SECONDS = 20
_LARGEST_HEAD = 64 * 1024
_EXPECT_A_LENGTH = frozenset({"POST", "PUT", "PATCH"})


class Outgoing(NamedTuple):
    """A request as a service shall get it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | SpoolFile = b""

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it."""
        return not self.body and self.method in ("GET", "HEAD")


class UpstreamError(Exception):
    """No answer, or not a whole one.

    Attributes:
        spec: what a client is told.
        why: what operators are told.
    """

    spec = SERVICE_UNAVAILABLE
    why = "connect_error"


class ConnectError(UpstreamError):
    """Nobody accepts a connection, so nothing was sent."""


class ConnectionLostError(UpstreamError):
    """The connection ended too early, or something came that is no answer."""

    why = "connection_lost"


class ReadTimeoutError(UpstreamError):
    """Nothing came in time."""

    spec = GATEWAY_TIMEOUT
    why = "read_timeout"


class WriteTimeoutError(UpstreamError):
    """No more of the request was taken in time."""

    spec = GATEWAY_TIMEOUT
    why = "write_timeout"


class Connection:
    """A connection to a service.

    Args:
        address: host and port.
        connect_seconds: how long to wait until it is accepted.

    Raises:
        ConnectError: it is not.
    """

    def __init__(self, address: tuple[str, int], connect_seconds: float) -> None:
        try:
            self.socket = socket.create_connection(address, connect_seconds)
        except OSError as error:
            raise ConnectError from error
        # Nobody else closes those that a replica has kept when it is forgotten.
        weakref.finalize(self, self.socket.close)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_at = monotonic()

    @property
    def is_usable(self) -> bool:
        """Whether it is worth using again."""
        return monotonic() - self._used_at < _IDLE_SECONDS and is_idle_and_open(self.socket)

    def close(self) -> None:
        """Close it. Safe to repeat."""
        self.socket.close()

    def send(self, outgoing: Outgoing, seconds: float) -> None:
        """Send a request, to a service that may be silent or not read for so many seconds.

        Raises:
            WriteTimeoutError: it does not read.
        """
        self._used_at = monotonic()
        self.socket.settimeout(seconds)
        try:
            for block in _blocks_of(outgoing):
                self.socket.sendall(block)
        except TimeoutError as error:
            raise WriteTimeoutError from error
        except OSError:  # It may have answered all the same, and not want the rest.
            pass

    def answer(self, method: str, keep: Callable[["Connection"], None]) -> "Answer":
        """The answer to the request that was sent, its body yet to be read.

        Args:
            method: of the request.
            keep: takes this connection if it can be used again, once the answer is there.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        answer = Answer(self, method, keep)
        answer.read_head()
        return answer

    def receive(self, size: int = BLOCK, flags: int = 0) -> bytes:
        """What comes next; nothing at the end.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        try:
            return self.socket.recv(size, flags)
        except TimeoutError as error:
            raise ReadTimeoutError from error
        except OSError as error:
            raise ConnectionLostError from error


def _blocks_of(outgoing: Outgoing) -> Iterator[bytes]:
    """A request as it goes over the wire: in one piece, unless its body lies in a file."""
    method, target, headers, body = outgoing
    lines = [f"{method} {target} HTTP/1.1", *map(": ".join, headers.items())]
    if "Host" not in headers:  # The client has named none, and ours are nobody's business.
        lines.append("Host: ")
    if "Content-Length" not in headers:
        length = len(body) if isinstance(body, bytes) else body.size
        if length or method in _EXPECT_A_LENGTH:
            lines.append(f"Content-Length: {length}")
    head = "\r\n".join((*lines, "", "")).encode("latin-1")
    if isinstance(body, bytes):
        yield head + body
        return
    yield head
    body.seek(0)
    while block := body.read(BLOCK):
        yield block


class Answer:
    """An answer of a service. Its connection is left as soon as all of it has come.

    Attributes:
        status: 0 until the head has come.
        headers: in the order in which they came.
        is_whole: whether all of it has come.
    """

    def __init__(
        self, connection: Connection, method: str, keep: Callable[[Connection], None]
    ) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.is_whole = False
        self._connection = connection
        self._is_for_head = method == "HEAD"
        self._keep = keep
        self._is_kept = False
        self._blocks: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def header(self, name: str) -> str | None:
        """The first header called ``name``, in small letters."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def read_head(self) -> None:
        """Wait for the head.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        received = 0
        while not self.status:
            if received >= _LARGEST_HEAD:
                raise ConnectionLostError
            received += self._read()

    def blocks(self) -> Iterator[bytes]:
        """The body, as it comes.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        while True:
            blocks, self._blocks = self._blocks, []
            yield from blocks
            if self.is_whole:
                return
            self._read()

    def close(self) -> None:
        """Want no more of it. Safe to repeat."""
        if not self.is_whole:
            self._connection.close()

    def _read(self) -> int:
        """Take what comes next, and say how much it was."""
        block = self._connection.receive()
        if block:
            try:
                self._parser.feed_data(block)
            except (HttpParserError, HttpParserUpgrade) as error:
                if not self.is_whole:
                    raise ConnectionLostError from error
                self._is_kept = False
        elif self.status and not self._says_where_it_ends():
            self.is_whole = True
        else:
            raise ConnectionLostError
        if self.is_whole and self._is_kept:
            self._keep(self._connection)
        elif self.is_whole:
            self._connection.close()
        return len(block)

    def _says_where_it_ends(self) -> bool:
        return self.header("content-length") is not None or (
            self.header("transfer-encoding") is not None
        )

    # What the parser calls. After the head, trailers may come; after the end, only what nobody
    # has asked for.

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._is_kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        if not self.status:
            self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head has come. One with a status of 1xx only announces the real one."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
        elif not self.status:
            self.status = status
            self.is_whole = self._is_for_head
            self._is_kept = self._parser.should_keep_alive()

    def on_body(self, block: bytes) -> None:
        """A part of the body."""
        if self.is_whole:
            self._is_kept = False
        else:
            self._blocks.append(block)

    def on_message_complete(self) -> None:
        """The end, but not of an announcement."""
        self.is_whole = bool(self.status)
