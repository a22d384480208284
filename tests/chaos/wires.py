"""Proxies between programs and servers, which can cut, delay and block connections."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

from tests.ways import Way

_BLOCK = 65_536


class Wire(Way):
    """The only connection to a program or a server.

    Attributes:
        name: the names of its ends.
        port: the port of the proxy.
        target: the TCP address or the path of a socket of the target.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.port = urlsplit(self.base_url).port
        self.target: tuple[str, int] | str = ""
        self._is_cut = False
        self._seconds = 0.0
        self._flows = threading.Event()
        self._flows.set()
        self._closed = threading.Event()
        self._ends: set[socket.socket] = set()

    def connect(self) -> socket.socket:
        """See `Way`."""
        if isinstance(self.target, str):
            with ExitStack() as unless_connected:
                server = unless_connected.enter_context(socket.socket(socket.AF_UNIX))
                server.connect(self.target)
                unless_connected.pop_all()
                return server
        return socket.create_connection(self.target)

    def close(self) -> None:
        """See `Way`."""
        super().close()
        self._closed.set()
        self._flows.set()
        self._hang_up()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Close all connections and reject new ones during the block."""
        self._is_cut = True
        self._hang_up()
        try:
            yield
        finally:
            self._is_cut = False

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Delay all data during the block."""
        self._seconds = seconds
        try:
            yield
        finally:
            self._seconds = 0.0

    @contextmanager
    def stopped_up(self) -> Iterator[None]:
        """Block all data during the block, without closing connections."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def _hang_up(self) -> None:
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            if self._is_cut:
                return
            with self.connect() as server:
                ends = {client, server}
                self._ends |= ends
                back = threading.Thread(target=self._carry, args=[server, client], daemon=True)
                back.start()
                self._carry(client, server)
                back.join()
                self._ends -= ends

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while block := source.recv(_BLOCK):
                self._flows.wait()
                if self._seconds:
                    self._closed.wait(self._seconds)
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # The end of one side ends the other side, too.
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
