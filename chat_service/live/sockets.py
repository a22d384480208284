"""One open websocket. It has no greenlet: callbacks of the event loop read, write and ping.

An idle socket needs a few kilobytes, and a slow client does not block a writer.

A ping follows the written frames, and its pong acknowledges all of them. There is at most one
unacknowledged ping, and at most one ping per second, so that a socket has to store one `Mark` of
its unacknowledged frames.
"""

import os
import socket
from time import monotonic, time
from typing import Any, Final, Protocol, cast

from gevent import get_hub
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from chat_service.live.frames import (
    EMPTY_PING,
    PINGS,
    POLICY_VIOLATION,
    START,
    TOKEN_EXPIRED,
    TRY_AGAIN_LATER,
    Mark,
    Position,
    close_frame,
    pong_frame,
)
from chat_service.live.subscriber import SocketLimits, Subscriber
from chat_service.metrics import slow_sockets_closed

_READABLE, _WRITABLE = 1, 2
_READ_SIZE = 4096
_MAX_RECEIVED_BYTES = 64 * 1024  # Between two pings; an ordinary client sends pongs only.
_CLOSE_TIMEOUT = 10.0
_KERNEL_BUFFER = 64 * 1024
_ACKNOWLEDGE_INTERVAL = 1.0
_PONG = b"\x8a\x81"  # Final, masked, with one byte of payload, as in the pings of this socket.
_PONG_LENGTH = 7
_EMPTY_PONG = b"\x8a\x80"
_EMPTY_PONG_LENGTH = 6

MARK_REFRESH_INTERVAL: Final = 1800.0
"""Seconds after which the mark of an idle session is stored again, before it expires."""


class Registry(Protocol):
    """The owner of a socket, which gets its notifications."""

    def unregister(self, socket: "WebSocketConnection") -> None:
        """Remove the socket, which sends no more frames."""

    def current_mark(self, socket: "WebSocketConnection") -> Mark:
        """Get the mark of everything that has been written to the socket."""

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """Store the mark that a socket of the session has acknowledged."""


class WebSocketConnection:
    """A connection after its handshake. Messages of the client are ignored.

    Args:
        connection: the connection; its file descriptor is detached.
        handshake_response: sent when the socket is opened.
        subscriber: the user.
        limits: the limits of the socket.
        registry: notified of acknowledgements, and once of the end.

    Attributes:
        last_position: events up to this position were written at registration.
        acknowledged: the mark that the client has acknowledged.
        rooms: the conversations to which the socket is subscribed.
    """

    __slots__ = (
        "_awaited_mark",
        "_bytes_received",
        "_closing",
        "_fd",
        "_heartbeat_at",
        "_is_unacknowledged",
        "_limits",
        "_ping_number",
        "_pinged_at",
        "_protocol",
        "_readable",
        "_refresh_at",
        "_registry",
        "_send_queue",
        "_timer",
        "_writable",
        "acknowledged",
        "last_position",
        "rooms",
        "subscriber",
    )

    def __init__(
        self,
        connection: socket.socket,
        handshake_response: bytes,
        subscriber: Subscriber,
        limits: SocketLimits,
        registry: Registry,
    ) -> None:
        self.subscriber = subscriber
        self.last_position: Position = START
        self.acknowledged = Mark(START)
        self.rooms: set[int] = set()
        self._limits = limits
        self._registry = registry
        self._closing = False
        self._bytes_received = 1
        self._send_queue = [handshake_response]
        self._protocol: FrameProtocol | None = None
        self._is_unacknowledged = False  # Frames were written after the last ping.
        self._awaited_mark: Mark | None = None  # Acknowledged by the next pong.
        self._ping_number = 0
        self._pinged_at = 0.0
        self._heartbeat_at = monotonic() + limits.ping_seconds
        self._refresh_at = monotonic() + MARK_REFRESH_INTERVAL
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        self._fd = connection.detach()
        loop = get_hub().loop
        self._readable = loop.io(self._fd, _READABLE)
        self._writable = loop.io(self._fd, _WRITABLE)
        self._timer = self._start_timer(self._heartbeat_at)

    def open(self) -> None:
        """Send the handshake response and the frames written before, and start reading."""
        if self._fd >= 0:
            self._readable.start(self._read)
            self._flush()

    def write(self, frames: bytes) -> None:
        """Send or queue frames. Closes the socket if too many are queued."""
        if self._closing:
            return
        is_first, self._is_unacknowledged = not self._is_unacknowledged, True
        if is_first and self._awaited_mark is None:
            now = monotonic()
            if now >= self._pinged_at + _ACKNOWLEDGE_INTERVAL:
                frames += self._next_ping(now)
            else:
                self._schedule_ping()
        self._send(frames)

    def _send(self, frames: bytes) -> None:
        if self._closing:
            return
        self._send_queue.append(frames)
        if len(self._send_queue) == 1:
            self._flush()
        elif len(self._send_queue) > self._limits.queued_frames:
            slow_sockets_closed.inc()
            self.close(TRY_AGAIN_LATER)

    def close(self, code: int) -> None:
        """Send a close frame and close the connection. Idempotent."""
        if self._closing:
            return
        self._closing = True
        self._registry.unregister(self)
        del self._send_queue[1:]  # The first may be partly sent.
        self._send_queue.append(close_frame(code))
        self._reset_timer(monotonic() + _CLOSE_TIMEOUT)
        self._flush()

    def _flush(self) -> None:
        try:
            while self._send_queue:
                frame = self._send_queue[0]
                written = os.write(self._fd, frame)
                if written < len(frame):
                    self._send_queue[0] = frame[written:]
                else:
                    del self._send_queue[0]
        except BlockingIOError:
            self._writable.start(self._flush)
        except OSError:
            self._close_fd()
        else:
            self._writable.stop()

    def _read(self) -> None:
        try:
            block = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            self._close_fd()
            return
        self._bytes_received += len(block)
        if self._bytes_received > _MAX_RECEIVED_BYTES:
            self.close(POLICY_VIOLATION)
        else:
            self._on_data(block)

    def _on_data(self, block: bytes) -> None:
        if self._protocol is None:
            # A fast path: pongs are all that an ordinary client sends.
            if len(block) == _PONG_LENGTH and block.startswith(_PONG):
                self._on_pong(block[6] ^ block[2])
                return
            if len(block) == _EMPTY_PONG_LENGTH and block.startswith(_EMPTY_PONG):
                return
            self._protocol = FrameProtocol(client=False, extensions=[])
        try:
            self._protocol.receive_bytes(block)
            for frame in self._protocol.received_frames():
                if frame.opcode is Opcode.CLOSE:
                    code, _reason = cast("tuple[int, str]", frame.payload)
                    self.close(code)
                    self._close_fd()
                    return
                if frame.opcode is Opcode.PING:
                    self._send(pong_frame(cast("bytes", frame.payload)))
                if frame.opcode is Opcode.PONG and len(frame.payload) == 1:
                    self._on_pong(cast("bytes", frame.payload)[0])
        except ParseFailed as failure:
            self.close(failure.code)

    def _on_pong(self, number: int) -> None:
        mark = self._awaited_mark
        if mark is None or number != self._ping_number:
            return
        self._awaited_mark = None
        self.acknowledged = mark
        self._registry.acknowledge(self.subscriber.token_id, mark)
        if self._is_unacknowledged and not self._closing:
            self._schedule_ping()

    def _next_ping(self, now: float) -> bytes:
        self._pinged_at = now
        if self._is_unacknowledged or now >= self._refresh_at:
            self._ping_number = (self._ping_number + 1) % len(PINGS)
            self._is_unacknowledged = False
            self._refresh_at = now + MARK_REFRESH_INTERVAL
            self._awaited_mark = self._registry.current_mark(self)
        elif self._awaited_mark is None:
            return EMPTY_PING
        return PINGS[self._ping_number]

    def _on_timer(self) -> None:
        """Close the socket if the token has expired or the client is silent, or send a ping."""
        now = monotonic()
        is_heartbeat = now >= self._heartbeat_at
        if self._closing or (is_heartbeat and not self._bytes_received):
            self._close_fd()
        elif self.subscriber.expires_at <= time():
            self.close(TOKEN_EXPIRED)
        else:
            if is_heartbeat:
                self._bytes_received = 0
                self._heartbeat_at = now + self._limits.ping_seconds
            self._reset_timer(self._heartbeat_at)
            if is_heartbeat or (self._is_unacknowledged and self._awaited_mark is None):
                self._send(self._next_ping(now))

    def _schedule_ping(self) -> None:
        self._reset_timer(min(self._pinged_at + _ACKNOWLEDGE_INTERVAL, self._heartbeat_at))

    def _reset_timer(self, fires_at: float) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer = self._start_timer(fires_at)

    def _start_timer(self, fires_at: float) -> Any:
        """Start a timer until ``fires_at`` (monotonic seconds) or the expiry of the token."""
        seconds = fires_at - monotonic()
        if not self._closing:
            seconds = min(seconds, self.subscriber.expires_at - time() + 0.01)
        timer = get_hub().loop.timer(max(seconds, 0))
        timer.start(self._on_timer, update=True)
        return timer

    def _close_fd(self) -> None:
        if self._fd < 0:
            return
        for watcher in (self._readable, self._writable, self._timer):
            watcher.stop()
            watcher.close()
        os.close(self._fd)
        self._fd = -1
        self._send_queue.clear()
        if not self._closing:
            self._closing = True
            self._registry.unregister(self)
