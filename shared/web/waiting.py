"""Connections that wait for their clients, bounded per client and in total."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gevent.monkey import get_original

_UnpatchedSocket: type[socket.socket] = get_original("socket", "socket")


@contextmanager
def without_gevent(connection: socket.socket) -> Iterator[socket.socket]:
    """Use a connection by system calls alone: gevent would wait, or end the waits of others."""
    plain = _UnpatchedSocket(fileno=connection.fileno())
    try:
        yield plain
    finally:
        plain.detach()


class WaitingClients:
    """Connections that wait until a client sends or reads something.

    Over the limit, the connection that has waited longest is closed in favour of the newest one.
    Callers choose the key of a client, such as its address.
    """

    def __init__(self, max_per_client: int, max_in_all: int) -> None:
        self._max_per_client = max_per_client
        self._max_in_all = max_in_all
        self._clients: dict[socket.socket, str] = {}
        self._connections: dict[str, dict[socket.socket, None]] = {}

    @contextmanager
    def wait_for(self, connection: socket.socket, client: str) -> Iterator[None]:
        """Count ``connection`` as waiting for ``client`` until the block ends."""
        of_client = self._connections.setdefault(client, {})
        of_client[connection] = None
        self._clients[connection] = client
        if len(of_client) > self._max_per_client:
            self._close(next(iter(of_client)))
        elif len(self._clients) > self._max_in_all:
            self._close(next(iter(self._clients)))
        try:
            yield
        finally:
            self._remove(connection)

    def _close(self, connection: socket.socket) -> None:
        self._remove(connection)
        # The waiting greenlet wakes up as if the client had closed the connection.
        with suppress(OSError), without_gevent(connection) as plain:
            plain.shutdown(socket.SHUT_RDWR)

    def _remove(self, connection: socket.socket) -> None:
        client = self._clients.pop(connection, None)
        if client is not None:
            of_client = self._connections[client]
            del of_client[connection]
            if not of_client:
                del self._connections[client]


waiting_clients = WaitingClients(max_per_client=1_000, max_in_all=5_000)
"""Those of this process."""
