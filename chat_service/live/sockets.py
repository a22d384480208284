"""One open websocket. It has no greenlet: the event loop reads, writes and pings.

Thousands of idle sockets cost a few kilobytes each, and no peer can make a writer wait.

A ping follows the frames that were written, and its pong acknowledges everything before it. One
ping at a time is unanswered, and the next goes out a second later at the earliest, so that what a
socket remembers of its unacknowledged frames is one `Mark`.
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
    pong,
)
from chat_service.live.subscriber import SocketLimits, Subscriber
from chat_service.metrics import slow_sockets_closed

_READABLE, _WRITABLE = 1, 2
_READ_SIZE = 4096
_MAX_RECEIVED_BYTES = 64 * 1024  # Between two pings; an ordinary client says nothing but pong.
_CLOSE_TIMEOUT = 10.0
_KERNEL_BUFFER = 64 * 1024
_ACKNOWLEDGE_INTERVAL = 1.0
_PONG = b"\x8a\x81"  # Final, masked, with one byte of payload: the answer to one of ours.
_PONG_LENGTH = 7
_EMPTY_PONG = b"\x8a\x80"
_EMPTY_PONG_LENGTH = 6

MARK_REFRESH_INTERVAL: Final = 1800.0
"""Seconds after which the mark of an idle session is stored again, before it expires."""


class Registry(Protocol):
    """What a socket reports to."""

    def unregister(self, socket: "WebSocketConnection") -> None:
        """Note that the socket takes no more frames."""

    def current_mark(self, socket: "WebSocketConnection") -> Mark:
        """What has been written to the socket up to now."""

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """Note that a socket of the session has shown that it has everything up to ``mark``."""


class WebSocketConnection:
    """A connection after its handshake; whatever it says is ignored.

    Args:
        connection: its descriptor now belongs to the socket.
        handshake_response: the end of the handshake, sent when the socket is opened.
        subscriber: whose it is.
        limits: when it is given up.
        registry: notified of acknowledgements, and once when the socket takes no more frames.

    Attributes:
        last_position: events up to here were sent before.
        acknowledged: what the peer has shown that it has.
        rooms: the conversations whose events it gets.
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
        self._awaited_mark: Mark | None = None  # Acknowledged by the pong that has not come.
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
        """Consent, send what has been written before, and hear what the peer says."""
        if self._fd >= 0:
            self._readable.start(self._read)
            self._flush()

    def write(self, frames: bytes) -> None:
        """Send frames as soon as the peer takes them, or give up a peer that is too slow."""
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
        """Take no more frames, say why, and let go. Safe to repeat."""
        if self._closing:
            return
        self._closing = True
        self._registry.unregister(self)
        del self._send_queue[1:]  # The first may be half sent.
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
            # All that an ordinary client says.
            if len(block) == _PONG_LENGTH and block.startswith(_PONG):
                self._take_pong(block[6] ^ block[2])
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
                    self._send(pong(cast("bytes", frame.payload)))
                if frame.opcode is Opcode.PONG and len(frame.payload) == 1:
                    self._take_pong(cast("bytes", frame.payload)[0])
        except ParseFailed as failure:
            self.close(failure.code)

    def _take_pong(self, number: int) -> None:
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
        """See whether the token is still good, the peer still there, and what it has."""
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

    def _reset_timer(self, moment: float) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer = self._start_timer(moment)

    def _start_timer(self, moment: float) -> Any:
        """A timer that fires at ``moment``, or just after the end of the token."""
        seconds = moment - monotonic()
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
