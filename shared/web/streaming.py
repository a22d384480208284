"""Stream lists that are too long for memory, in blocks, with a bounded number of responses.

No database connection is held while a block is sent. Other requests run between two blocks:
creating blocks takes at most half of a process's time, independent of the number of responses.
"""

import errno
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain, repeat
from threading import Lock
from typing import Any, Generic, TypeVar

import gevent
from flask import Flask, Response, current_app, request

from shared.web.errors import TOO_MANY_REQUESTS, ApiError, overloaded

log = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")

STALL_TIMEOUT = 15.0
"""Seconds in which a reader must take a block."""
_RETRY_AFTER_SECONDS = 5


class Blocks(Generic[T]):
    """The elements of a list in a response, in blocks. The owner must close it.

    Args:
        app: the application whose context is active while a block is created, and whose database
            connection is released after it.
        blocks: creates the blocks.
        pace: held while a block is created.
        release: called once, at the end.
    """

    def __init__(
        self, app: Flask, blocks: Iterator[T], pace: Lock, release: Callable[[], None]
    ) -> None:
        self._app, self._blocks, self._pace, self._release = app, blocks, pace, release

    @classmethod
    def alone(cls, blocks: Iterator[T], release: Callable[[], None] | None = None) -> "Blocks[T]":
        """Create blocks for the current request without a pace shared with others."""
        app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        return cls(app, blocks, Lock(), release or _nothing)

    def __iter__(self) -> "Blocks[T]":
        return self

    def __next__(self) -> T:
        with self._pace:
            started_at = time.perf_counter()
            with self._app.app_context():
                block = next(self._blocks, None)
            gevent.sleep(time.perf_counter() - started_at)
        if block is None:
            self.close()
            raise StopIteration
        return block

    def map(self, change: Callable[[T], U]) -> "Blocks[U]":
        """Transform each block. The result replaces these blocks, which must not be used any more.

        Args:
            change: called in the application's context.
        """
        changed = (change(block) for block in self._blocks)
        return Blocks(self._app, changed, self._pace, self._release)

    def close(self) -> None:
        """Create no more blocks. Can be repeated."""
        release, self._release = self._release, _nothing
        with suppress(AttributeError):  # Only generators have `close`.
            self._blocks.close()  # type: ignore[attr-defined]
        release()


class StreamLimit:
    """The number of long responses that a process sends at once.

    Args:
        max_per_user: further ones get 429.
        max_in_all: further ones get 503.
    """

    def __init__(self, max_per_user: int, max_in_all: int) -> None:
        self._max_per_user, self._max_in_all = max_per_user, max_in_all
        self._by_user: Counter[int] = Counter()
        self._pace = Lock()

    def admit(self, user_id: int, fields: dict[str, Any]) -> dict[str, Any]:
        """Admit a response to a user; the iterators in it become `Blocks`.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS`` or ``SERVICE_UNAVAILABLE``, if it has iterators and too
                many responses are being sent.
        """
        long = {name: value for name, value in fields.items() if isinstance(value, Iterator)}
        if not long:
            return fields
        if self._by_user[user_id] >= self._max_per_user:
            raise ApiError(TOO_MANY_REQUESTS, {"Retry-After": str(_RETRY_AFTER_SECONDS)})
        if self.in_use >= self._max_in_all:
            raise overloaded(_RETRY_AFTER_SECONDS)
        self._by_user[user_id] += 1
        app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        releases: Iterator[Callable[[], None]]
        releases = chain([partial(self._release, user_id)], repeat(_nothing))
        return fields | {
            name: Blocks(app, blocks, self._pace, release)
            for (name, blocks), release in zip(long.items(), releases, strict=False)
        }

    @property
    def in_use(self) -> int:
        """The number of responses that are being sent."""
        return self._by_user.total()

    def _release(self, user_id: int) -> None:
        self._by_user[user_id] -= 1
        if not self._by_user[user_id]:
            del self._by_user[user_id]


def json_blocks(
    fields: Iterable[tuple[str, Any]], dumps: Callable[[Any], bytes]
) -> Iterator[bytes]:
    """Serialize a JSON object in chunks, one per block of its `Blocks`.

    An empty block is sent as a space, so that clients do not run into a timeout.
    """
    chunk = b"{"
    for place, (name, value) in enumerate(fields):
        chunk += b"," * bool(place) + dumps(name) + b":"
        if not isinstance(value, Blocks):
            chunk += dumps(value)
            continue
        chunk += b"["
        is_first = True
        for block in value:
            if block:
                yield chunk + b"," * (not is_first) + dumps(block)[1:-1]
                is_first = False
            else:
                yield chunk + b" "
            chunk = b""
        chunk += b"]"
    yield chunk + b"}"


def stream_response(
    chunks: Iterable[bytes], blocks: Collection[Blocks[Any]], mimetype: str
) -> Response:
    """Create a response that is sent while it is generated; an error aborts it.

    Args:
        chunks: the chunks of the body.
        blocks: the blocks that the chunks are made of; closed at the end.
        mimetype: the type of the body.
    """

    def close() -> None:
        for each in blocks:
            each.close()

    if request.method == "HEAD":  # Nothing is sent, so the server would not close them.
        close()
        return Response(mimetype=mimetype)
    reader: socket.socket | None = request.environ.get("gunicorn.socket")
    if reader is not None:
        reader.settimeout(STALL_TIMEOUT)
    response = Response(_unless_it_fails(chunks), mimetype=mimetype)
    response.call_on_close(close)
    return response


def _unless_it_fails(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception as failure:
        log.warning("response_aborted", extra={"failure": type(failure).__name__})
        # The server closes the connection, so the client sees that the response is incomplete.
        raise ConnectionResetError(errno.ECONNRESET, "the response is incomplete") from None


def _nothing() -> None:
    pass
