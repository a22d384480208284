"""HTTP/1.1 client for the services: connections, requests and streamed responses.

Responses are parsed by llhttp, which rejects ambiguous messages.
"""

import socket
import weakref
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from shared.server.sockets import is_idle_and_open, send_all
from shared.web.errors import GATEWAY_TIMEOUT, SERVICE_UNAVAILABLE
from shared.web.request_body import CHUNK_SIZE
from shared.web.spool import SpoolFile

# Much shorter than the keep-alive timeout of the services, so that they rarely close a connection
# that is used again: a POST on a closed connection cannot be retried.
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
        """Whether the request can be repeated although the service may have received it."""
        return not self.body and self.method in ("GET", "HEAD")


class UpstreamError(Exception):
    """There is no response, or an incomplete one.

    Attributes:
        spec: the error for the client.
        reason: the reason in the metric and in the log.
    """

    spec = SERVICE_UNAVAILABLE
    reason = "connect_error"


class ConnectError(UpstreamError):
    """No connection was accepted, so nothing was sent."""


class ConnectionLostError(UpstreamError):
    """The connection was closed too early, or the service sent no valid HTTP response."""

    reason = "connection_lost"


class ReadTimeoutError(UpstreamError):
    """The service sent nothing in time."""

    spec = GATEWAY_TIMEOUT
    reason = "read_timeout"


class WriteTimeoutError(UpstreamError):
    """The service did not read the request in time."""

    spec = GATEWAY_TIMEOUT
    reason = "write_timeout"


class Connection:
    """A connection to a service.

    Args:
        address: host and port.
        connect_timeout: seconds.

    Raises:
        ConnectError: the connection was not accepted in time.
    """

    def __init__(self, address: tuple[str, int], connect_timeout: float) -> None:
        try:
            self.socket = socket.create_connection(address, connect_timeout)
        except OSError as error:
            raise ConnectError from error
        # A `Replica` that is dropped does not close its idle connections.
        weakref.finalize(self, self.socket.close)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_at = monotonic()

    @property
    def is_reusable(self) -> bool:
        """Whether the connection can be used for another request."""
        age = monotonic() - self._used_at
        return age < _KEEPALIVE_TIMEOUT and is_idle_and_open(self.socket.fileno())

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self.socket.close()

    def send(self, request: UpstreamRequest, timeout: float) -> None:
        """Send a request.

        Args:
            request: the request.
            timeout: seconds for each write, and for each later read of the response.

        Raises:
            WriteTimeoutError: the service does not read.
        """
        self._used_at = monotonic()
        self.socket.settimeout(timeout)
        try:
            for block in _serialize_request(request):
                send_all(self.socket, block)
        except TimeoutError as error:
            raise WriteTimeoutError from error
        except OSError:  # The service may have responded without reading the whole request.
            pass

    def read_response(
        self, method: str, release: Callable[["Connection"], None]
    ) -> "UpstreamResponse":
        """Read the status and headers of the response to the sent request.

        Args:
            method: the method of the request.
            release: called with this connection after the response, if it can be reused.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        response = UpstreamResponse(self, method, release)
        response.read_headers()
        return response

    def recv(self, size: int = CHUNK_SIZE, flags: int = 0) -> bytes:
        """Read the next bytes; ``b""`` at the end of the stream.

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
    """Serialize a request, in one piece unless its body is in a file."""
    method, target, headers, body = request
    lines = [f"{method} {target} HTTP/1.1", *map(": ".join, headers.items())]
    if "Host" not in headers:  # The addresses of services must not appear in responses.
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
        status: 0 until the headers are complete.
        headers: the headers, in the order received.
        is_complete: whether the response is completely received.
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
        """Get the first header with a name in lower case, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def read_headers(self) -> None:
        """Read until the headers are complete.

        Raises:
            UpstreamError: ``ConnectionLostError`` or ``ReadTimeoutError``.
        """
        received = 0
        while not self.status:
            if received >= _MAX_HEADER_BYTES:
                raise ConnectionLostError
            received += self._read()

    def iter_body(self) -> Iterator[bytes]:
        """Iterate over the blocks of the body as they are received.

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
        """Close the connection unless the response is complete. Idempotent."""
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

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        """Start a response; a second one is unexpected, so the connection is not reused."""
        self._keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; trailers are ignored."""
        if not self.status:
            self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Set the status. Informational responses (1xx) are ignored."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
        elif not self.status:
            self.status = status
            self.is_complete = self._is_head_request
            self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, block: bytes) -> None:
        """Add a block of the body."""
        if self.is_complete:
            self._keep_alive = False
        else:
            self._body.append(block)

    def on_message_complete(self) -> None:
        """Complete the response, unless it is informational."""
        self.is_complete = bool(self.status)
