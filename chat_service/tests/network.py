"""A network that drops connections without notifying the other side."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_BLOCK = 65_536


class Network:
    """Forwards connections to a target.

    Attributes:
        address: the address for clients.
        target: the server of new connections.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{1}".format(*self._listening.getsockname())
        self._connections: list[_Connection] = []

    def accept(self) -> None:
        """Forward connections until `close`."""
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            host, port = self.target.split(":")
            self._connections.append(_Connection(client, socket.create_connection((host, port))))

    def freeze(self) -> None:
        """Forward nothing more to the clients, and keep the connections open."""
        for connection in self._connections:
            connection.is_frozen = True

    def vanish(self) -> None:
        """Disconnect the clients without notifying the servers, whose data are lost."""
        self.freeze()
        for connection in self._connections:
            connection.drop_client()

    def close(self) -> None:
        """Close all connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._connections:
            connection.close()


class _Connection:
    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server
        self.is_frozen = False
        self._threads = [
            threading.Thread(target=forward)
            for forward in (self._forward_to_server, self._forward_to_client)
        ]
        for thread in self._threads:
            thread.start()

    def drop_client(self) -> None:
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.drop_client()
        self._drop_server()
        for thread in self._threads:
            thread.join()
        self._client.close()
        self._server.close()

    def _drop_server(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)

    def _forward_to_server(self) -> None:
        with suppress(OSError):
            while (block := self._client.recv(_BLOCK)) and not self.is_frozen:
                self._server.sendall(block)
        if not self.is_frozen:
            self._drop_server()

    def _forward_to_client(self) -> None:
        with suppress(OSError):
            while block := self._server.recv(_BLOCK):
                if not self.is_frozen:
                    self._client.sendall(block)
        self.drop_client()


@contextmanager
def run_network(target: str) -> Iterator[Network]:
    """Run a network during the block."""
    network = Network(target)
    accepting = threading.Thread(target=network.accept)
    accepting.start()
    try:
        yield network
    finally:
        network.close()
        accepting.join()
