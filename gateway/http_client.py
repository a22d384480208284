"""HTTP/1.1 client: one connection to a service, its requests and its responses.

Neither is stored. Responses are parsed by llhttp, which refuses what two parsers could read in
two ways.
"""

import socket
import weakref
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from shared.server.sockets import is_idle_and_open
from shared.web.errors import GATEWAY_TIMEOUT, SERVICE_UNAVAILABLE
from shared.web.request_body import CHUNK_SIZE
from shared.web.spool import SpoolFile

# Much shorter than the keep-alive timeout of the services, so that they hardly ever close a
# connection that is being used: a POST that meets a closed connection cannot be retried.
_KEEPALIVE_TIMEOUT = 20
_MAX_HEADER_BYTES = 64 * 1024
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class UpstreamRequest(NamedTuple):
    """A request to a service."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | SpoolFile = b""

    @property
    def is_retryable(self) -> bool:
        """Whether it may be sent again although the service may have received it."""
        return not self.body and self.method in ("GET", "HEAD")


class UpstreamError(Exception):
    """No response, or an incomplete one.

    Attributes:
        spec: the error that the client gets.
        reason: label of the metric and field of the log line.
    """

    spec = SERVICE_UNAVAILABLE
    reason = "connect_error"


class ConnectError(UpstreamError):
    """No connection was accepted, so nothing was sent."""


class ConnectionLostError(UpstreamError):
    """The connection ended too early, or what came is no HTTP response."""

    reason = "connection_lost"


class ReadTimeoutError(UpstreamError):
    """The service sent nothing in time."""

    spec = GATEWAY_TIMEOUT
    reason = "read_timeout"


class WriteTimeoutError(UpstreamError):
    """The service took no more of the request in time."""

    spec = GATEWAY_TIMEOUT
    reason = "write_timeout"


class Connection:
    """A connection to a service.

    Args:
        address: host and port.
        connect_timeout: seconds until it must be accepted.

    Raises:
        ConnectError: it is not.
    """

    def __init__(self, address: tuple[str, int], connect_timeout: float) -> None:
        try:
            self.socket = socket.create_connection(address, connect_timeout)
        except OSError as error:
            raise ConnectError from error
        # A replica that is dropped closes none of its idle connections itself.
        weakref.finalize(self, self.socket.close)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_at = monotonic()

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return monotonic() - self._used_at < _KEEPALIVE_TIMEOUT and is_idle_and_open(self.socket)

    def close(self) -> None:
        """Close it. Safe to repeat."""
        self.socket.close()

    def send(self, request: UpstreamRequest, timeout: float) -> None:
        """Send a request; neither this nor reading the response may wait longer than ``timeout``.

        Raises:
            WriteTimeoutError: the service does not read.
        """
        self._used_at = monotonic()
        self.socket.settimeout(timeout)
        try:
            for block in _serialize_request(request):
                self.socket.sendall(block)
        except TimeoutError as error:
            raise WriteTimeoutError from error
        except OSError:  # It may have responded all the same, without reading the rest.
            pass

    def read_response(
        self, method: str, release: Callable[["Connection"], None]
    ) -> "UpstreamResponse":
        """Read the head of the response to the request that was sent.

        Args:
            method: of the request.
            release: called with this connection when the response is complete, if it can be reused.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        response = UpstreamResponse(self, method, release)
        response.read_headers()
        return response

    def recv(self, size: int = CHUNK_SIZE, flags: int = 0) -> bytes:
        """The next bytes; none at the end.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        try:
            return self.socket.recv(size, flags)
        except TimeoutError as error:
            raise ReadTimeoutError from error
        except OSError as error:
            raise ConnectionLostError from error


def _serialize_request(request: UpstreamRequest) -> Iterator[bytes]:
    """A request in wire format: in one piece, unless its body is in a file."""
    method, target, headers, body = request
    lines = [f"{method} {target} HTTP/1.1", *map(": ".join, headers.items())]
    if "Host" not in headers:  # The client sent none, and addresses of services stay internal.
        lines.append("Host: ")
    if "Content-Length" not in headers:
        length = len(body) if isinstance(body, bytes) else body.size
        if length or method in _METHODS_WITH_BODY:
            lines.append(f"Content-Length: {length}")
    head = "\r\n".join((*lines, "", "")).encode("latin-1")
    if isinstance(body, bytes):
        yield head + body
        return
    yield head
    body.seek(0)
    while block := body.read(CHUNK_SIZE):
        yield block


class UpstreamResponse:
    """A response of a service. It releases its connection as soon as it is complete.

    Attributes:
        status: 0 until the head is complete.
        headers: in the order received.
        is_complete: whether all of it was received.
    """

    def __init__(
        self, connection: Connection, method: str, release: Callable[[Connection], None]
    ) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.is_complete = False
        self._connection = connection
        self._is_head_request = method == "HEAD"
        self._release = release
        self._keep_alive = False
        self._body: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def get_header(self, name: str) -> str | None:
        """The first header with this name, given in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def read_headers(self) -> None:
        """Read until the head is complete.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        received = 0
        while not self.status:
            if received >= _MAX_HEADER_BYTES:
                raise ConnectionLostError
            received += self._read()

    def iter_body(self) -> Iterator[bytes]:
        """The blocks of the body as they are received.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        while True:
            blocks, self._body = self._body, []
            yield from blocks
            if self.is_complete:
                return
            self._read()

    def close(self) -> None:
        """Close the connection unless the response is complete. Safe to repeat."""
        if not self.is_complete:
            self._connection.close()

    def _read(self) -> int:
        """Parse the next block, and return its length."""
        block = self._connection.recv()
        if block:
            try:
                self._parser.feed_data(block)
            except (HttpParserError, HttpParserUpgrade) as error:
                if not self.is_complete:
                    raise ConnectionLostError from error
                self._keep_alive = False
        elif self.status and not self._has_explicit_length():
            self.is_complete = True
        else:
            raise ConnectionLostError
        if self.is_complete and self._keep_alive:
            self._release(self._connection)
        elif self.is_complete:
            self._connection.close()
        return len(block)

    def _has_explicit_length(self) -> bool:
        return self.get_header("content-length") is not None or (
            self.get_header("transfer-encoding") is not None
        )

    # Callbacks of the parser. Trailers may follow the head; what follows the end was not asked for.

    def on_message_begin(self) -> None:
        """A response begins."""
        self._keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        if not self.status:
            self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is complete. An informational response (1xx) is skipped."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
        elif not self.status:
            self.status = status
            self.is_complete = self._is_head_request
            self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, block: bytes) -> None:
        """A part of the body."""
        if self.is_complete:
            self._keep_alive = False
        else:
            self._body.append(block)

    def on_message_complete(self) -> None:
        """The end, unless of an informational response."""
        self.is_complete = bool(self.status)
