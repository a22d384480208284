"""One open websocket. It has no greenlet: the event loop reads, writes and pings.

Thousands of idle sockets cost a few kilobytes each, and no peer can make a writer wait.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any, Final, cast

from gevent import get_hub
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from chat_service.live.frames import Position, goodbye, ping, pong
from chat_service.metrics import slow_sockets_closed

GOING_AWAY: Final = 1001
TOO_MUCH_SAID: Final = 1008
COME_AGAIN: Final = 1012
TOO_SLOW: Final = 1013
TOKEN_ENDED: Final = 4401
TOO_MANY_SOCKETS: Final = 4429

_READABLE, _WRITABLE = 1, 2
_BLOCK = 4096
_MOST_HEARD = 64 * 1024  # Between two pings; an ordinary client says nothing but pong.
_SECONDS_TO_SAY_GOODBYE = 10.0
_KERNEL_BUFFER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """Whose socket it is, with a token of which generation and until when (Unix seconds).

    ``base`` begins the URLs that it is told.
    """

    user_id: int
    generation: int
    expires_at: int
    base: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a socket is pinged, and how many frames wait for a slow one."""

    ping_seconds: float
    queued_frames: int


class Socket:
    """A connection after its handshake; whatever it says is ignored.

    Args:
        connection: its descriptor now belongs to the socket.
        consent: the end of the handshake, sent when the socket is opened.
        listener: whose it is.
        limits: when it is given up.
        forget: called once when it takes no frames any more.

    Attributes:
        since: notices up to here were told before.
        rooms: the conversations it is told of.
    """

    __slots__ = (
        "_closing",
        "_fd",
        "_forget",
        "_heard",
        "_limits",
        "_protocol",
        "_readable",
        "_timer",
        "_unsent",
        "_writable",
        "listener",
        "rooms",
        "since",
    )

    def __init__(
        self,
        connection: socket.socket,
        consent: bytes,
        listener: Listener,
        limits: Limits,
        forget: Callable[["Socket"], None],
    ) -> None:
        self.listener = listener
        self.since: Position = (0, 0)
        self.rooms: set[int] = set()
        self._limits = limits
        self._forget = forget
        self._closing = False
        self._heard = 1
        self._unsent = [consent]
        self._protocol = FrameProtocol(client=False, extensions=[])
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        self._fd = connection.detach()
        loop = get_hub().loop
        self._readable = loop.io(self._fd, _READABLE)
        self._writable = loop.io(self._fd, _WRITABLE)
        self._timer = self._look_in(self._seconds_to_next_look())

    def open(self) -> None:
        """Consent, send what has been written before, and hear what the peer says."""
        if self._fd >= 0:
            self._readable.start(self._read)
            self._flush()

    def write(self, frame: bytes) -> None:
        """Send ``frame`` as soon as the peer takes it, or give up a peer that is too slow."""
        if self._closing:
            return
        self._unsent.append(frame)
        if len(self._unsent) == 1:
            self._flush()
        elif len(self._unsent) > self._limits.queued_frames:
            slow_sockets_closed.inc()
            self.close(TOO_SLOW)

    def close(self, code: int) -> None:
        """Take no more frames, say why, and let go. Safe to repeat."""
        if self._closing:
            return
        self._closing = True
        self._forget(self)
        del self._unsent[1:]  # The first may be half sent.
        self._unsent.append(goodbye(code))
        self._wake_in(_SECONDS_TO_SAY_GOODBYE)
        self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                frame = self._unsent[0]
                written = os.write(self._fd, frame)
                if written < len(frame):
                    self._unsent[0] = frame[written:]
                else:
                    del self._unsent[0]
        except BlockingIOError:
            self._writable.start(self._flush)
        except OSError:
            self._end()
        else:
            self._writable.stop()

    def _read(self) -> None:
        try:
            block = os.read(self._fd, _BLOCK)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            self._end()
            return
        self._heard += len(block)
        if self._heard > _MOST_HEARD:
            self.close(TOO_MUCH_SAID)
        else:
            self._listen(block)

    def _listen(self, block: bytes) -> None:
        try:
            self._protocol.receive_bytes(block)
            for frame in self._protocol.received_frames():
                if frame.opcode is Opcode.CLOSE:
                    code, _reason = cast("tuple[int, str]", frame.payload)
                    self.close(code)
                    self._end()
                    return
                if frame.opcode is Opcode.PING:
                    self.write(pong(cast("bytes", frame.payload)))
        except ParseFailed as failure:
            self.close(failure.code)

    def _look(self) -> None:
        """See whether the token is still good and the peer still there."""
        if self._closing or not self._heard:
            self._end()
        elif self.listener.expires_at <= time():
            self.close(TOKEN_ENDED)
        else:
            self._heard = 0
            self._wake_in(self._seconds_to_next_look())
            self.write(ping())

    def _seconds_to_next_look(self) -> float:
        """Until the next ping, or until just after the end of the token."""
        return min(self._limits.ping_seconds, self.listener.expires_at - time() + 0.01)

    def _wake_in(self, seconds: float) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer = self._look_in(seconds)

    def _look_in(self, seconds: float) -> Any:
        timer = get_hub().loop.timer(max(seconds, 0))
        timer.start(self._look, update=True)
        return timer

    def _end(self) -> None:
        if self._fd < 0:
            return
        for watcher in (self._readable, self._writable, self._timer):
            watcher.stop()
            watcher.close()
        os.close(self._fd)
        self._fd = -1
        self._unsent.clear()
        if not self._closing:
            self._closing = True
            self._forget(self)
