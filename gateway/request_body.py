"""Receives the body of a request completely before the request takes a slot of a service."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from gateway.config import GatewaySettings
from gateway.routes import is_public
from shared.web.budget import current_caller
from shared.web.errors import PAYLOAD_TOO_LARGE, ApiError, bad_parameter
from shared.web.rate_limits import client_network
from shared.web.request_body import CHUNK_SIZE, Environ, Stream, has_body
from shared.web.spool import SpoolFile, spool

MAX_PUBLIC_BYTES = 64 * 1024


@contextmanager
def read_body(environ: Environ, settings: GatewaySettings) -> Iterator[bytes | SpoolFile]:
    """Receive a body into memory if it is small, else into a file that exists during the block.

    Raises:
        ApiError: ``PAYLOAD_TOO_LARGE``, ``BAD_PARAMETER`` if the body ends too early,
            ``REQUEST_TIMEOUT`` if it does not arrive in time; ``TOO_MANY_REQUESTS`` or
            ``SERVICE_UNAVAILABLE`` if the spool is full.
    """
    if not has_body(environ):
        yield b""
        return
    max_bytes = settings.max_body_bytes
    if is_public(environ["PATH_INFO"]):
        max_bytes = min(max_bytes, MAX_PUBLIC_BYTES)
    length = int(environ["CONTENT_LENGTH"]) if environ.get("CONTENT_LENGTH") else None
    if length is not None and length > max_bytes:
        raise ApiError(PAYLOAD_TOO_LARGE)
    blocks = _iter_body(environ["wsgi.input"], length, max_bytes)
    first = next(blocks, b"")
    if len(first) == length or (length is None and len(first) < CHUNK_SIZE):
        yield first
        return
    with closing(spool.create_file(current_caller(), client_network())) as file:
        file.write(first)
        for block in blocks:
            file.write(block)
        yield file


def _iter_body(stream: Stream, length: int | None, max_bytes: int) -> Iterator[bytes]:
    received = 0
    while received != length:
        size = CHUNK_SIZE if length is None else min(CHUNK_SIZE, length - received)
        block = stream.read(size)
        if len(block) < size and length is not None:
            raise bad_parameter("body")
        if not block:
            return
        received += len(block)
        if received > max_bytes:
            raise ApiError(PAYLOAD_TOO_LARGE)
        yield block
