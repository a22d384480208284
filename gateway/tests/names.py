"""A real name server, which says what the test wants."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_A_RECORD, _HEADER = b"\x00\x01", 12
_ANSWER, _UNKNOWN = b"\x81\x80", b"\x81\x83"
# A pointer to the name in the question, of type A and class IN, for no time; 4 bytes follow.
_RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04"


class Names:
    """What the server knows.

    Attributes:
        environment: lets a program under gevent ask this server, and no other.
        addresses: of every name there is.
    """

    def __init__(self, port: int) -> None:
        self.environment = {
            "GEVENT_RESOLVER": "ares",
            "GEVENTARES_SERVERS": "127.0.0.1",
            "GEVENTARES_UDP_PORT": str(port),
        }
        self.addresses: list[str] = []

    def reply(self, question: bytes) -> bytes:
        """The answer to a question for addresses; there are none of another kind."""
        end = question.index(b"\0", _HEADER) + 5
        wanted = self.addresses if question[end - 4 : end - 2] == _A_RECORD else []
        counts = b"\0\1" + len(wanted).to_bytes(2) + b"\0\0\0\0"
        records = b"".join(_RECORD + socket.inet_aton(address) for address in wanted)
        kind = _ANSWER if self.addresses else _UNKNOWN
        return question[:2] + kind + counts + question[_HEADER:end] + records


@contextmanager
def name_server() -> Iterator[Names]:
    """Run a name server as long as the block lasts."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        names = Names(server.getsockname()[1])

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
