"""A DNS server with one host name."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_A_RECORD, _HEADER = b"\x00\x01", 12
_NO_ERROR, _NXDOMAIN = b"\x81\x80", b"\x81\x83"
# A pointer to the name in the question, type A, class IN, a TTL of 0, and 4 bytes of data.
_RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04"


class NameServer:
    """The records of the server.

    Attributes:
        environment: variables that make a gevent program use this server only.
        addresses: the A records of every name.
    """

    def __init__(self, port: int) -> None:
        self.environment = {
            "GEVENT_RESOLVER": "ares",
            "GEVENTARES_SERVERS": "127.0.0.1",
            "GEVENTARES_UDP_PORT": str(port),
        }
        self.addresses: list[str] = []

    def reply(self, question: bytes) -> bytes:
        """Build the response to a query; there are A records only."""
        end = question.index(b"\0", _HEADER) + 5
        addresses = self.addresses if question[end - 4 : end - 2] == _A_RECORD else []
        counts = b"\0\1" + len(addresses).to_bytes(2) + b"\0\0\0\0"
        records = b"".join(_RECORD + socket.inet_aton(address) for address in addresses)
        kind = _NO_ERROR if self.addresses else _NXDOMAIN
        return question[:2] + kind + counts + question[_HEADER:end] + records


@contextmanager
def run_name_server() -> Iterator[NameServer]:
    """Run a name server during the block."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        names = NameServer(server.getsockname()[1])

        def serve() -> None:
            while True:
                question, client = server.recvfrom(512)
                if not question:
                    return
                server.sendto(names.reply(question), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield names
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()
