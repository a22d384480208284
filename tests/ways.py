"""Ways to a gateway: what stands between it and its clients on real networks."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import TypeVar
from urllib.parse import urlsplit

from tests.cluster import SECONDS_BETWEEN_LOOKS, Replica

_BLOCK = 65_536


class Way:
    """Passes every connection on, each to a gateway of `connect`'s choice.

    Attributes:
        base_url: where it begins.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.base_url = "http://127.0.0.1:{1}".format(*self._listening.getsockname())

    def connect(self) -> socket.socket:
        """Where the next connection goes on to."""
        raise NotImplementedError

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

    def pass_back(self, gateway: socket.socket, client: socket.socket, request: bytes) -> None:
        """Pass on what the gateway says on a connection that began with ``request``."""
        pass_bytes(gateway, client)

    def _pass_on(self, client: socket.socket) -> None:
        with client, self.connect() as gateway:
            request = client.recv(_BLOCK)
            gateway.sendall(request)
            answering = threading.Thread(
                target=self.pass_back, args=[gateway, client, request], daemon=True
            )
            answering.start()
            pass_bytes(client, gateway)
            answering.join()


class Balancer(Way):
    """A load balancer, which gives each connection to the next gateway that says it is ready."""

    def __init__(self, gateways: Sequence[Replica]) -> None:
        super().__init__()
        self._gateways = gateways
        self._ready = list(gateways)
        self._turns = count()
        self._closed = threading.Event()

    def connect(self) -> socket.socket:
        """See `Way`."""
        ready = self._ready
        while True:
            address = urlsplit(ready[next(self._turns) % len(ready)].url)
            with suppress(ConnectionRefusedError):  # Killed, and not asked since: to the next.
                return socket.create_connection((address.hostname, address.port))

    def watch(self) -> None:
        """Ask the gateways until `close`."""
        while not self._closed.wait(SECONDS_BETWEEN_LOOKS):
            if ready := [gateway for gateway in self._gateways if gateway.is_ready()]:
                self._ready = ready

    def close(self) -> None:
        """See `Way`."""
        self._closed.set()
        super().close()


W = TypeVar("W", bound=Way)


@contextmanager
def opened(way: W) -> Iterator[W]:
    """A way that can be gone as long as the block lasts."""
    accepting = threading.Thread(target=way.accept)
    accepting.start()
    try:
        yield way
    finally:
        way.close()
        accepting.join()


@contextmanager
def balanced(gateways: Sequence[Replica]) -> Iterator[Balancer]:
    """A balancer before gateways, as long as the block lasts."""
    with opened(Balancer(gateways)) as balancer:
        watching = threading.Thread(target=balancer.watch)
        watching.start()
        yield balancer
    watching.join()


def pass_bytes(source: socket.socket, target: socket.socket) -> None:
    """Pass everything on in one direction, and the end of it."""
    try:
        while block := source.recv(_BLOCK):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        with suppress(OSError):  # One of them is gone; the other shall know.
            target.shutdown(socket.SHUT_RDWR)
