"""Read the head of a request once, with bounds of size and time, before gunicorn parses it.

gunicorn's parsers scan all of an incomplete head whenever more of it arrives, and store up to 819
KB of it; see docs/decisions/0001-http-parser.md. They create requests of the class
``RequestParser.mesg_class``.

While a socket has data, reading from it does not yield to other greenlets. Therefore other
greenlets run before each request and each read, however fast a client sends.
"""

import re
from typing import Any

import gevent
from gunicorn.http import parser
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import SocketUnreader

from shared.web.rate_limits import network_key
from shared.web.waiting import waiting_clients

MAX_HEAD_BYTES = 32 * 1024
_MAX_SMALL_CHUNKS = 1_000
_MIN_CHUNK_BYTES = 256  # On average, of more chunks: to parse one takes microseconds.
_HEAD_TIMEOUT = 15
# Or a line feed without a line: then it is not a head, and there is no rest to wait for.
_END_OF_HEAD = re.compile(rb"\r\n\r\n|(?<!\r)\n")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class HeadTimeoutError(ParseException):
    """The head of a request was not complete in time."""


class SmallChunksError(ParseException):
    """A body has too many small chunks."""


def yield_to_others() -> None:
    """Let other greenlets run before this one continues."""
    gevent.sleep(0)


class FairUnreader(SocketUnreader):
    """Lets other greenlets run before each read from a connection."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Read once."""
        yield_to_others()
        received: bytes = super().chunk(size_hint)
        return received


class BoundedChunks(ChunkedReader):
    """A chunked body with a limited number of small chunks."""

    def __init__(self, request: Any, unreader: Any) -> None:
        super().__init__(request, unreader)
        self._count = self._total_bytes = 0

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes]:
        """Read the line before a chunk; return the chunk's size and the bytes after the line.

        Raises:
            SmallChunksError: there are too many.
        """
        size, rest = super().parse_chunk_size(unreader, data)
        self._count += 1
        self._total_bytes += size
        if self._count > _MAX_SMALL_CHUNKS + self._total_bytes // _MIN_CHUNK_BYTES:
            raise SmallChunksError
        return size, rest


class BoundedRequest(Request):
    """A request whose head is bounded in size and time, and complete before it is parsed."""

    body: Body

    def _peer_trusted_for_forwarded(self) -> tuple[dict[str, str], list[str]]:
        """Trust no peer, which gunicorn would find out from its address in each request."""
        return {}, []

    def set_body_reader(self) -> None:
        """Choose how the body is read."""
        super().set_body_reader()
        if isinstance(self.body.reader, ChunkedReader):
            self.body = Body(BoundedChunks(self, self.unreader))

    def parse(self, unreader: Any) -> bytes:
        """Read and parse the head; return the bytes after it."""
        if unreader.buf.tell():  # Otherwise, the first read yields.
            yield_to_others()
        self.max_buffer_headers = MAX_HEAD_BYTES  # Trailers are parsed here, too.
        with waiting_clients.wait_for(unreader.sock, client_key(self.peer_addr)):
            head = _read_head(unreader, self.limit_request_line)
        line, end, rest = head.partition(b"\r\n")
        if not line.isascii():
            line = _encode_target(line)
        unreader.unread(line + end + rest)
        unused: bytes = super().parse(unreader)
        return unused


def _read_head(unreader: Any, max_line_bytes: int) -> bytes:
    """Read until the head is complete or invalid."""
    head = bytearray(unreader.read())
    end = _END_OF_HEAD.search(head)
    if head and not end:
        with gevent.Timeout(_HEAD_TIMEOUT, HeadTimeoutError):
            while not end and len(head) <= MAX_HEAD_BYTES and (block := unreader.read()):
                searched = max(0, len(head) - 3)
                head += block
                end = _END_OF_HEAD.search(head, searched)
    if (end.end() if end else len(head)) > MAX_HEAD_BYTES:
        line_length = head.find(b"\r\n")
        if not 0 <= line_length <= max_line_bytes:
            raise LimitRequestLine(line_length, max_line_bytes)
        raise LimitRequestHeaders("the head is too large")
    return bytes(head)


def _encode_target(line: bytes) -> bytes:
    """Percent-encode raw UTF-8 in the target of a request line, which some clients send."""
    method, space, target = line.partition(b" ")
    return method + space + _NOT_ASCII.sub(lambda byte: b"%%%02X" % ord(byte[0]), target)


def client_key(peer_address: Any) -> str:
    """Get the key that connections are counted by. A peer on a Unix socket has no address."""
    return network_key(peer_address[0]) if isinstance(peer_address, tuple) else ""


def install() -> None:
    """Make gunicorn read requests in this way."""
    parser.RequestParser.mesg_class = BoundedRequest
    parser.SocketUnreader = FairUnreader
