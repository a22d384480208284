"""Raw connections of an attacker."""

import re
import socket
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 20.0

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True)
class Door:
    """A listening program."""

    url: str

    def connect(self, address: str = "127.0.0.1") -> socket.socket:
        """Connect to it from an address of this machine."""
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname, parts.port), SECONDS, (address, 0))

    def exchange(self, *data: bytes) -> bytes:
        """Send data; return all responses until the connection ends."""
        with closing(self.connect()) as connection:
            connection.sendall(b"".join(data))
            connection.shutdown(socket.SHUT_WR)
            return everything(connection)


def everything(connection: socket.socket) -> bytes:
    """Read until the other side closes the connection in any way."""
    received = b""
    try:
        while block := connection.recv(65536):
            received += block
    except ConnectionResetError:
        pass
    return received


def statuses(answers: bytes) -> list[int]:
    """List the statuses of the responses on a connection."""
    return [int(status) for status in _STATUS.findall(answers)]


def head(*lines: str) -> bytes:
    """Create the head of a request."""
    return "\r\n".join((*lines, "", "")).encode("latin-1")
