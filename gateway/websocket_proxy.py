"""Websockets: after the handshake, bytes are copied between client and service.

Only the boundaries of the service's frames are parsed, so that a gateway that stops can send a
close frame.

A tunnel has no greenlet. Callbacks of the event loop copy its bytes when one side is readable and
the other is writable, so that an idle tunnel needs only its file descriptors.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from flask import Response, request
from gevent import get_hub

from gateway.frames import GOING_AWAY, FrameBoundaries
from gateway.http_client import Connection, UpstreamRequest, UpstreamResponse
from gateway.metrics import open_websockets
from gateway.proxy import client_response, request_target, upstream_headers
from gateway.upstream import Replica, UpstreamService
from shared.server.hijack import HijackedResponse
from shared.web.errors import overloaded
from shared.web.request_body import Environ, has_body

_BLOCK = 64 * 1024
_READABLE, _WRITABLE = 1, 2
_SWITCHING_PROTOCOLS = b"HTTP/1.1 101"


class WebSocketProxy:
    """The open websockets of this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[_Tunnel] = set()

    def open(self, service: UpstreamService) -> Response:
        """Forward the handshake of the current request to ``service``, and open a tunnel.

        Returns:
            an empty response, or that of a service that refuses the handshake.

        Raises:
            ApiError: see `UpstreamService.send`; ``SERVICE_UNAVAILABLE`` if too many are open.
        """
        if len(self._open) >= self._limit:
            raise overloaded()
        environ = request.environ
        headers = upstream_headers(environ) | {"Connection": "Upgrade", "Upgrade": "websocket"}
        handshake = UpstreamRequest("GET", request_target(environ), headers)
        connection, refusal = service.execute(lambda replica: _handshake(replica, handshake))
        if refusal is not None:
            return client_response(refusal)
        client: socket.socket = environ["gunicorn.socket"]
        for side in (client, connection.socket):
            side.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        tunnel = _Tunnel(client.detach(), connection.socket.detach(), self._unregister)
        self._open.add(tunnel)
        open_websockets.set(len(self._open))
        return HijackedResponse()

    def _unregister(self, tunnel: "_Tunnel") -> None:
        self._open.discard(tunnel)
        open_websockets.set(len(self._open))

    def close(self) -> None:
        """Close all tunnels with the close code 1001."""
        for tunnel in tuple(self._open):
            tunnel.send_close()
            tunnel.close()


def is_websocket_upgrade(environ: Environ) -> bool:
    """Whether a request is a websocket handshake on a connection that can be hijacked."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and "upgrade" in environ.get("HTTP_CONNECTION", "").lower()
        and "gunicorn.socket" in environ
        and not has_body(environ)
    )


def _handshake(
    replica: Replica, handshake: UpstreamRequest
) -> tuple[Connection, UpstreamResponse | None]:
    """Send the handshake on a new connection, and read the response if it is a refusal.

    A response with the status 101 is not consumed: frames may follow it in the same segment.
    """
    connection = replica.connect()
    try:
        connection.send(handshake, replica.timeout)
        if connection.recv(len(_SWITCHING_PROTOCOLS), socket.MSG_PEEK) == _SWITCHING_PROTOCOLS:
            return connection, None
        refusal = connection.read_response(handshake.method, Connection.close)
        replica.record(refusal)
        return connection, refusal
    except BaseException:
        connection.close()
        raise


class _Tunnel:
    """Two connections and the bytes between them. If one is closed, both are."""

    __slots__ = ("_boundaries", "_ends", "_pipes", "_unregister")

    def __init__(self, client: int, service: int, unregister: Callable[["_Tunnel"], None]) -> None:
        self._unregister = unregister
        self._ends: tuple[int, ...] = (client, service)
        self._boundaries = FrameBoundaries()
        self._pipes: tuple[_Pipe, ...] = (
            _Pipe(client, service, self.close),
            _Pipe(service, client, self.close, self._boundaries.feed),
        )

    def send_close(self) -> None:
        """Send the client a close frame (1001), unless it would split another frame."""
        client, _ = self._ends
        if self._boundaries.is_between_frames and self._pipes[1].is_flushed:
            with suppress(OSError):
                os.write(client, GOING_AWAY)

    def close(self) -> None:
        """Close both connections. Idempotent."""
        for pipe in self._pipes:
            pipe.stop()
        for end in self._ends:
            os.close(end)
        self._pipes = self._ends = ()
        self._unregister(self)


class _Pipe:
    """One direction of a tunnel. While the target is not writable, the source is not read.

    Args:
        source: file descriptor to read from.
        target: file descriptor to write to.
        on_close: called when one of them is closed.
        on_data: called with each block.
    """

    __slots__ = (
        "_on_close",
        "_on_data",
        "_pending",
        "_readable",
        "_source",
        "_target",
        "_writable",
    )

    def __init__(
        self,
        source: int,
        target: int,
        on_close: Callable[[], None],
        on_data: Callable[[bytes], None] | None = None,
    ) -> None:
        self._source, self._target = source, target
        self._on_close, self._on_data = on_close, on_data
        self._pending = b""
        loop = get_hub().loop
        self._readable = loop.io(source, _READABLE)
        self._writable = loop.io(target, _WRITABLE)
        self._readable.start(self._read)

    @property
    def is_flushed(self) -> bool:
        """Whether everything that was read is written."""
        return not self._pending

    def stop(self) -> None:
        """Stop copying."""
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
            if self._on_data is not None:
                self._on_data(block)
            self._write(block)
        else:
            self._on_close()

    def _write(self, block: bytes) -> None:
        try:
            written = os.write(self._target, block)
        except BlockingIOError:
            written = 0
        except OSError:
            self._on_close()
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
