"""The bodies of requests: streamed, and bounded in size and in time."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from gevent import Timeout

from gateway.config import GatewaySettings
from shared.errors import TOO_LARGE, ApiError, bad_parameter
from shared.incoming import PunctualBody

Environ = dict[str, Any]

BLOCK = 64 * 1024
_DRAINED_BLOCKS = 512
_DRAINED_SECONDS = 5


def has_body(environ: Environ) -> bool:
    """Whether the client sends a body."""
    return "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "") not in ("", "0")


def body_of(environ: Environ, settings: GatewaySettings) -> bytes | Iterator[bytes]:
    """The body of a request: whole if it is small, else in blocks; empty if there is none.

    The first block is waited for here, so that a slow client with a small body takes no place
    at the service.

    Raises:
        ApiError: ``TOO_LARGE``, or a bad ``body`` if it does not arrive whole and in time. The
            blocks raise the same.
    """
    if not has_body(environ):
        return b""
    length = int(environ["CONTENT_LENGTH"]) if environ.get("CONTENT_LENGTH") else None
    if length is not None and length > settings.max_body_bytes:
        raise ApiError(TOO_LARGE)
    blocks = _blocks(environ, length, settings)
    first = next(blocks, b"")
    whole = len(first) == length if length is not None else len(first) < BLOCK
    return first if whole else chain((first,), blocks)


def drain(environ: Environ) -> None:
    """Take what a client still sends after it was answered, so that it can read the answer.

    To close a connection with unread bytes is to destroy the answer on its way. Amount and
    time are bounded: who goes on after that is cut off.
    """
    with suppress(Exception):
        with Timeout(_DRAINED_SECONDS, exception=False):
            for _ in range(_DRAINED_BLOCKS):
                if not environ["wsgi.input"].read(BLOCK):
                    return
        environ["gunicorn.socket"].shutdown(socket.SHUT_RD)


def _blocks(environ: Environ, length: int | None, settings: GatewaySettings) -> Iterator[bytes]:
    body = PunctualBody(environ["wsgi.input"], settings.body_timeout_seconds)
    received = 0
    while received != length:
        size = BLOCK if length is None else min(BLOCK, length - received)
        block = body.read(size)
        # A server reads as much as it is asked for, unless there is no more.
        if len(block) < size and length is not None:
            raise bad_parameter("body")
        if not block:
            return
        received += len(block)
        if received > settings.max_body_bytes:
            raise ApiError(TOO_LARGE)
        yield block
