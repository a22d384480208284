"""Websockets: after the handshake, bytes are moved between client and service.

Nothing is looked at but where the service's frames end, so that a gateway that stops can say so.

A tunnel has no greenlet. The event loop moves its bytes whenever a side has some and the
other has room for them, so that thousands of idle tunnels cost next to nothing.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from flask import Response, request
from gevent import get_hub

from gateway.connection import Answer, Connection, Outgoing
from gateway.forward import answer_of, headers_of, target_of
from gateway.frames import GOING_AWAY, FrameBoundaries
from gateway.metrics import tunnels_open
from gateway.upstream import Replica, Service
from shared.server.hijack import HijackedResponse
from shared.web.errors import overloaded
from shared.web.request_body import Environ, has_body

_BLOCK = 64 * 1024
_READABLE, _WRITABLE = 1, 2
_CONSENT = b"HTTP/1.1 101"


class Tunnels:
    """All open tunnels of this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[_Tunnel] = set()

    def open(self, service: Service) -> Response:
        """Do the handshake of the current request with ``service`` and connect the two.

        Returns:
            the service's answer, if it refuses.

        Raises:
            ApiError: as ``Service.send``; ``SERVICE_UNAVAILABLE`` if too many are open.
        """
        if len(self._open) >= self._limit:
            raise overloaded()
        environ = request.environ
        headers = headers_of(environ) | {"Connection": "Upgrade", "Upgrade": "websocket"}
        handshake = Outgoing("GET", target_of(environ), headers)
        connection, refusal = service.wait_for(lambda replica: _ask(replica, handshake))
        if refusal is not None:
            return answer_of(refusal)
        client: socket.socket = environ["gunicorn.socket"]
        for side in (client, connection.socket):
            side.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        tunnel = _Tunnel(client.detach(), connection.socket.detach(), self._forget)
        self._open.add(tunnel)
        tunnels_open.set(len(self._open))
        return HijackedResponse()

    def _forget(self, tunnel: "_Tunnel") -> None:
        self._open.discard(tunnel)
        tunnels_open.set(len(self._open))

    def close(self) -> None:
        """Close all of them with the code 1001."""
        for tunnel in tuple(self._open):
            tunnel.say_goodbye()
            tunnel.close()


def wants_websocket(environ: Environ) -> bool:
    """Whether a request is a websocket handshake that the server lets us answer."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and "upgrade" in environ.get("HTTP_CONNECTION", "").lower()
        and "gunicorn.socket" in environ
        and not has_body(environ)
    )


def _ask(replica: Replica, handshake: Outgoing) -> tuple[Connection, Answer | None]:
    """A connection on which the handshake was sent, and the answer if it is a refusal.

    Consent is only looked at, not taken: the first frames may stand right behind it.
    """
    connection = replica.connect()
    try:
        connection.send(handshake, replica.seconds)
        if connection.receive(len(_CONSENT), socket.MSG_PEEK) == _CONSENT:
            return connection, None
        refusal = connection.answer(handshake.method, Connection.close)
        replica.record(refusal)
        return connection, refusal
    except BaseException:
        connection.close()
        raise


class _Tunnel:
    """Two connections, and the bytes between them. The end of one is the end of both."""

    __slots__ = ("_boundaries", "_ends", "_flows", "_forget")

    def __init__(self, client: int, service: int, forget: Callable[["_Tunnel"], None]) -> None:
        self._forget = forget
        self._ends: tuple[int, ...] = (client, service)
        self._boundaries = FrameBoundaries()
        self._flows: tuple[_Flow, ...] = (
            _Flow(client, service, self.close),
            _Flow(service, client, self.close, self._boundaries.follow),
        )

    def say_goodbye(self) -> None:
        """Tell the client that the gateway goes away, unless that would break a frame."""
        client, _ = self._ends
        if self._boundaries.is_between_frames and self._flows[1].has_moved_all:
            with suppress(OSError):
                os.write(client, GOING_AWAY)

    def close(self) -> None:
        """Close both connections. Safe to repeat."""
        for flow in self._flows:
            flow.stop()
        for end in self._ends:
            os.close(end)
        self._flows = self._ends = ()
        self._forget(self)


class _Flow:
    """One direction of a tunnel. While the target is full, nothing is read from the source.

    Args:
        source: descriptor that is read.
        target: descriptor that is written.
        end: called when one of them has ended.
        follow: called with what is read.
    """

    __slots__ = ("_end", "_follow", "_pending", "_readable", "_source", "_target", "_writable")

    def __init__(
        self,
        source: int,
        target: int,
        end: Callable[[], None],
        follow: Callable[[bytes], None] | None = None,
    ) -> None:
        self._source, self._target, self._end, self._follow = source, target, end, follow
        self._pending = b""
        loop = get_hub().loop
        self._readable = loop.io(source, _READABLE)
        self._writable = loop.io(target, _WRITABLE)
        self._readable.start(self._read)

    @property
    def has_moved_all(self) -> bool:
        """Whether everything that was read has been written."""
        return not self._pending

    def stop(self) -> None:
        """Move no more bytes."""
        for watcher in (self._readable, self._writable):
            watcher.stop()
            watcher.close()

    def _read(self) -> None:
        try:
            block = os.read(self._source, _BLOCK)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if block:
            if self._follow is not None:
                self._follow(block)
            self._write(block)
        else:
            self._end()

    def _write(self, block: bytes) -> None:
        try:
            written = os.write(self._target, block)
        except BlockingIOError:
            written = 0
        except OSError:
            self._end()
            return
        was_full, self._pending = bool(self._pending), block[written:]
        if self._pending and not was_full:
            self._readable.stop()
            self._writable.start(self._write_pending)
        elif was_full and not self._pending:
            self._writable.stop()
            self._readable.start(self._read)

    def _write_pending(self) -> None:
        self._write(self._pending)
