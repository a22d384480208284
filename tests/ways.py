"""Proxies between a gateway and its clients."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import TypeVar
from urllib.parse import urlsplit

from tests.cluster import POLL_INTERVAL, Replica

_BLOCK = 65_536


class Way:
    """A TCP proxy. `connect` chooses the gateway of each connection.

    Attributes:
        base_url: of its listener.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.base_url = "http://127.0.0.1:{1}".format(*self._listening.getsockname())

    def connect(self) -> socket.socket:
        """Connect to the gateway of the next connection."""
        raise NotImplementedError

    def accept(self) -> None:
        """Forward connections until `close`."""
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=[client], daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def pass_back(self, gateway: socket.socket, client: socket.socket, request: bytes) -> None:
        """Forward the response on a connection that began with ``request``."""
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
    """A load balancer: each connection goes to the next ready gateway."""

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
        """Probe the gateways until `close`."""
        while not self._closed.wait(POLL_INTERVAL):
            if ready := [gateway for gateway in self._gateways if gateway.is_ready()]:
                self._ready = ready

    def close(self) -> None:
        """See `Way`."""
        self._closed.set()
        super().close()


W = TypeVar("W", bound=Way)


@contextmanager
def opened(way: W) -> Iterator[W]:
    """Run a proxy inside the block."""
    accepting = threading.Thread(target=way.accept)
    accepting.start()
    try:
        yield way
    finally:
        way.close()
        accepting.join()


@contextmanager
def balanced(gateways: Sequence[Replica]) -> Iterator[Balancer]:
    """Run a balancer of gateways inside the block."""
    with opened(Balancer(gateways)) as balancer:
        watching = threading.Thread(target=balancer.watch)
        watching.start()
        yield balancer
    watching.join()


def pass_bytes(source: socket.socket, target: socket.socket) -> None:
    """Forward all bytes of one direction, and its end."""
    try:
        while block := source.recv(_BLOCK):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        with suppress(OSError):  # One of them is gone; the other shall know.
            target.shutdown(socket.SHUT_RDWR)
