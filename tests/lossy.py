"""A way to the gateway on which frames of websockets get lost, while connections stand."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

_BLOCK = 65_536
_SECONDS = 30
_TWO_BYTE_LENGTH = 126  # How a frame says that its length stands in the next two bytes.


class LossyWay:
    """Passes everything on in both directions, but frames only as long as none shall get lost."""

    def __init__(self, port: int) -> None:
        self._gateway = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.base_url = "http://127.0.0.1:{1}".format(*self._listening.getsockname())
        self._loses = False
        self._lost = 0
        self._changed = threading.Condition()

    @contextmanager
    def losing(self, count: int) -> Iterator[None]:
        """Lose every frame from now on, and end when there were so many."""
        with self._changed:
            self._loses, self._lost = True, 0
        yield
        with self._changed:
            assert self._changed.wait_for(lambda: self._lost >= count, _SECONDS)
            self._loses = False

    def accept(self) -> None:
        """Pass connections on until `close`."""
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=[client], daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._gateway) as gateway:
            request = client.recv(_BLOCK)
            gateway.sendall(request)
            back = self._pass_frames if request.startswith(b"GET /ws/") else _pass_bytes
            answering = threading.Thread(target=back, args=[gateway, client], daemon=True)
            answering.start()
            _pass_bytes(client, gateway)
            answering.join()

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
    way = LossyWay(port)
    accepting = threading.Thread(target=way.accept)
    accepting.start()
    try:
        yield way
    finally:
        way.close()
        accepting.join()


def _next_frame(incoming: BinaryIO) -> bytes:
    head = incoming.read(2)
    if len(head) < 2:
        return b""
    extended = incoming.read(2) if head[1] == _TWO_BYTE_LENGTH else b""
    length = int.from_bytes(extended, "big") if extended else head[1]
    return head + extended + incoming.read(length)


def _pass_bytes(source: socket.socket, target: socket.socket) -> None:
    try:
        while block := source.recv(_BLOCK):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # One of them is gone, and the other learns it by its own thread.
