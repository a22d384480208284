"""Many open websockets in a separate process, which reads them and responds to pings."""

import math
import re
import resource
import selectors
import socket
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Self, cast

_HANDSHAKE = (
    "GET /ws/?token={token} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_CONSENT = b"HTTP/1.1 101"
_BLOCK = 65_536
_NUMBER = re.compile(rb'"content":"message (\d+)"')
# A ping of the service has one byte or none. No text of a frame has a byte that is 0 or 1.
_PING = re.compile(rb"\x89(?:\0|\x01(.))", re.DOTALL)
_SECONDS = 60.0


class Listeners:
    """Open sockets of many users. Times are of ``time.monotonic``, the same in all processes.

    Args:
        address: host and port of the gateway.
        tokens: of the users, one per socket.
    """

    def __init__(self, address: tuple[str, int], tokens: Sequence[str]) -> None:
        here, there = get_context("spawn").Pipe()
        self._pipe = here
        self._process = get_context("spawn").Process(target=_listen, args=(there, address, tokens))

    def __enter__(self) -> Self:
        self._process.start()
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()

    def expect(self, numbers: Sequence[int]) -> None:
        """Expect each ``message <number>`` on every socket."""
        self._pipe.send(numbers)

    def deliveries(self) -> dict[int, list[float]]:
        """Wait for all expected messages; the sorted times of arrival of each."""
        deliveries: dict[int, list[float]] = self._answer()
        return deliveries

    def _answer(self) -> dict[int, list[float]]:
        answer: dict[int, list[float]] | Exception = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _listen(pipe: Connection, address: tuple[str, int], tokens: Sequence[str]) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    selector = selectors.DefaultSelector()
    try:
        for token in tokens:
            selector.register(_opened(address, token), selectors.EVENT_READ)
        pipe.send({})
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            pipe.send(_deliveries(selector, pipe, len(tokens)))
    except EOFError:
        return
    except (OSError, TimeoutError) as failure:
        pipe.send(failure)


def _opened(address: tuple[str, int], token: str) -> socket.socket:
    host, port = address
    connection = socket.create_connection(address, timeout=_SECONDS)
    connection.sendall(_HANDSHAKE.format(token=token, host=host, port=port).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)  # Nothing of what stands behind it may be taken.
        answer += byte
        if not byte:
            break
    if not answer.startswith(_CONSENT):
        raise ConnectionError(answer.decode())
    connection.setblocking(False)
    return connection


def _deliveries(
    selector: selectors.BaseSelector, pipe: Connection, sockets: int
) -> dict[int, list[float]]:
    """Read and acknowledge frames until all expected messages have arrived."""
    moments: dict[int, list[float]] = defaultdict(list)
    missing, deadline = 1, math.inf
    while missing:
        timeout = deadline - time.monotonic()
        ready = {key.fileobj for key, _ in selector.select(min(timeout, _SECONDS))}
        if not ready and timeout < _SECONDS:
            raise TimeoutError(f"{missing} deliveries did not come")
        if pipe in ready:  # It asks before anything of that is sent.
            ready.remove(pipe)
            missing, deadline = len(pipe.recv()) * sockets, time.monotonic() + _SECONDS
        for each in ready:
            received = _NUMBER.findall(_read(cast("socket.socket", each)))
            now = time.monotonic()
            for number in received:
                moments[int(number)].append(now)
            missing -= len(received)
    return dict(moments)


def _read(connection: socket.socket) -> bytes:
    """Read the available bytes, and respond to pings, which acknowledges all earlier frames."""
    block = connection.recv(_BLOCK)
    if not block:
        raise ConnectionError("a websocket was closed")
    for payload in _PING.findall(block):
        connection.send(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
    return block
