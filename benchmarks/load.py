"""The load generator: a separate process that sends prebuilt requests over open connections.

It only writes and reads bytes, so that the servers are the bottleneck. Every outcome includes
its processor time as evidence.
"""

import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self

import orjson

Address = tuple[str, int]

_HEAD_END = b"\r\n\r\n"
_OK = b"HTTP/1.1 200"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_BLOCK = 1024 * 1024
_SECONDS = 60.0


class Outcome(NamedTuple):
    """The result of some requests.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: of each request, in seconds.
        errors: how many answers were not 200.
        received: bytes of all answers, with their heads.
        load_seconds: processor time that the source itself took.
        bodies: of the answers, in the order of the requests, if they were to be kept.
    """

    seconds: float
    latencies: list[float]
    errors: int
    received: int
    load_seconds: float
    bodies: list[bytes]


def request(method: str, path: str, token: str = "", body: dict[str, Any] | None = None) -> bytes:
    """Build the bytes of a request."""
    content = b"" if body is None else orjson.dumps(body)
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: benchmark",
        "Accept: application/json",
    ]
    if token:
        lines.append(f"Authorization: {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join((*lines, "", "")).encode() + content


class LoadGenerator:
    """A process that sends prebuilt requests."""

    def __init__(self) -> None:
        here, there = get_context("spawn").Pipe()
        self._pipe = here
        self._process = get_context("spawn").Process(target=_serve, args=(there,))

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()

    def send(
        self,
        address: Address,
        requests: Sequence[bytes],
        clients: int,
        *,
        with_bodies: bool = False,
    ) -> Outcome:
        """Send the requests over this number of connections, one at a time on each.

        Raises:
            OSError: a connection broke, or there was no response for a minute.
        """
        self._pipe.send((address, requests, clients, with_bodies))
        outcome: Outcome | OSError = self._pipe.recv()
        if isinstance(outcome, OSError):
            raise outcome
        return outcome


class _Client:
    """A connection with one request in flight."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address, timeout=_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 0
        self._began = 0.0
        self._received: list[bytes] = []
        self._missing = 0
        self._is_chunked = False

    def send(self, number: int, request: bytes) -> None:
        self.number = number
        self._received.clear()
        self._missing = -1
        self._is_chunked = False
        self._began = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read available bytes; whether the response is complete."""
        block = self.socket.recv(_BLOCK)
        if not block:
            raise ConnectionError("The server has closed a connection.")
        self._received.append(block)
        if self._is_chunked:
            return b"".join(self._received[-2:]).endswith(_LAST_CHUNK)
        if self._missing < 0:
            head, end, _ = self.answer.partition(_HEAD_END)
            length = _LENGTH.search(head)
            if not end or length is None:
                self._is_chunked = bool(end)
                return self._is_chunked and self.answer.endswith(_LAST_CHUNK)
            self._missing = len(head) + len(end) + int(length[1]) - sum(map(len, self._received))
        else:
            self._missing -= len(block)
        return self._missing == 0

    @property
    def latency(self) -> float:
        return time.perf_counter() - self._began

    @property
    def answer(self) -> bytes:
        return b"".join(self._received)


def _serve(pipe: Connection) -> None:
    while True:
        try:
            address, requests, clients, with_bodies = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_exchange(address, requests, clients, with_bodies=with_bodies))
        except OSError as failure:
            pipe.send(failure)


def _exchange(
    address: Address, requests: Sequence[bytes], clients: int, *, with_bodies: bool
) -> Outcome:
    selector = selectors.DefaultSelector()
    for _ in range(min(clients, len(requests))):
        client = _Client(address)
        selector.register(client.socket, selectors.EVENT_READ, client)
    latencies = [0.0] * len(requests)
    bodies = [b""] * (len(requests) if with_bodies else 0)
    errors = received = 0
    waiting: Iterator[tuple[int, bytes]] = iter(enumerate(requests))
    busy_before, began = time.process_time(), time.perf_counter()
    for key in list(selector.get_map().values()):
        key.data.send(*next(waiting))
    missing = len(requests)
    while missing:
        ready = selector.select(_SECONDS)
        if not ready:
            raise TimeoutError(f"{missing} answers did not come")
        for key, _ in ready:
            client = key.data
            if not client.receive():
                continue
            latencies[client.number] = client.latency
            answer = client.answer
            errors += not answer.startswith(_OK)
            received += len(answer)
            if with_bodies:
                bodies[client.number] = answer.partition(_HEAD_END)[2]
            missing -= 1
            following = next(waiting, None)
            if following is not None:
                client.send(*following)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy_before
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    selector.close()
    return Outcome(seconds, latencies, errors, received, busy, bodies)
