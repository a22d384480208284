"""A connection to the gateway that loses frames of websockets without breaking."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from tests.ways import Way, opened, pass_bytes

_SECONDS = 30
_TWO_BYTE_LENGTH = 126  # How a frame says that its length stands in the next two bytes.


class LossyWay(Way):
    """Passes everything on in both directions, but frames only as long as none shall get lost."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._gateway = ("127.0.0.1", port)
        self._loses = False
        self._lost = 0
        self._changed = threading.Condition()

    def connect(self) -> socket.socket:
        """See `Way`."""
        return socket.create_connection(self._gateway)

    @contextmanager
    def losing(self, count: int) -> Iterator[None]:
        """Lose every frame from now on, and end when there were so many."""
        with self._changed:
            self._loses, self._lost = True, 0
        yield
        with self._changed:
            assert self._changed.wait_for(lambda: self._lost >= count, _SECONDS)
            self._loses = False

    def pass_back(self, gateway: socket.socket, client: socket.socket, request: bytes) -> None:
        """See `Way`."""
        if request.startswith(b"GET /ws/"):
            self._pass_frames(gateway, client)
        else:
            pass_bytes(gateway, client)

    def _pass_frames(self, gateway: socket.socket, client: socket.socket) -> None:
        with gateway.makefile("rb") as incoming:
            for line in incoming:
                client.sendall(line)
                if line == b"\r\n":
                    break
            while frame := _next_frame(incoming):
                with self._changed:
                    if self._loses:
                        self._lost += 1
                        self._changed.notify_all()
                    else:
                        client.sendall(frame)


@contextmanager
def lossy_way(port: int) -> Iterator[LossyWay]:
    """A way to the gateway at ``port``, as long as the block lasts."""
    with opened(LossyWay(port)) as way:
        yield way


def _next_frame(incoming: BinaryIO) -> bytes:
    head = incoming.read(2)
    if len(head) < 2:
        return b""
    extended = incoming.read(2) if head[1] == _TWO_BYTE_LENGTH else b""
    length = int.from_bytes(extended, "big") if extended else head[1]
    return head + extended + incoming.read(length)
