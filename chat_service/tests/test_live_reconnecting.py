"""A client that is disconnected at random times in all ways loses no frame."""

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from flask import Flask
from websocket import WebSocket, WebSocketException, create_connection

from chat_service.tests.calls import send_text
from chat_service.tests.factories import make_group
from chat_service.tests.live_server import TIMEOUT, Server, ServerClient, run_server
from chat_service.tests.network import Network, run_network
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.redis import redis_server
from shared.testing.tokens import issue

pytestmark = pytest.mark.timeout(300)

DISCONNECTIONS = ("close", "drop", "vanish", "freeze")


class ReconnectingClient:
    """A client of bob with one session, and one socket at a time.

    Attributes:
        received: numbers of the messages, in the order of their frames.
    """

    def __init__(self, user: int, network: Network, addresses: Sequence[str]) -> None:
        self.received: list[int] = []
        self._network = network
        self._addresses = addresses
        self._token = issue(user)

    def connect_for(self, seconds: float, leaves: str, last: int | None = None) -> None:
        """Receive frames for some seconds, or until the ``last`` message, then disconnect."""
        wire = self._connect()
        self._listen(wire, seconds, last)
        if leaves == "freeze":
            self._network.freeze()
            self._listen(wire, seconds)
        if leaves in ("vanish", "freeze"):
            self._network.vanish()
        if leaves == "close":
            with suppress(OSError, WebSocketException):
                wire.close(timeout=TIMEOUT)
        wire.shutdown()

    def reconnect_until(self, enough: threading.Event) -> None:
        """Connect and disconnect at random moments."""
        while not enough.is_set():
            self.connect_for(random.uniform(0, 1.5), random.choice(DISCONNECTIONS))
            enough.wait(random.choice((0, 0, 0.5)))

    def _connect(self) -> WebSocket:
        self._network.target = random.choice(self._addresses)
        url = f"ws://{self._network.address}/ws/?token={self._token}"
        return create_connection(url, timeout=TIMEOUT)

    def _listen(self, wire: WebSocket, seconds: float, last: int | None = None) -> None:
        until = time.monotonic() + seconds
        with suppress(OSError, WebSocketException):  # A timeout, or closed by the server.
            while (left := until - time.monotonic()) > 0 and self.received[-1:] != [last]:
                wire.settimeout(left)
                frame: dict[str, Any] = json.loads(wire.recv())
                self.received.append(int(frame["message"]["content"]))


@pytest.fixture(scope="module", params=["one process", "three processes and Redis"])
def chat_servers(
    request: pytest.FixtureRequest, settings: dict[str, str], _app: Flask
) -> Iterator[list[Server]]:
    """One server with one process, or two servers with three processes."""
    with ExitStack() as stack:
        if request.param == "one process":
            yield [stack.enter_context(run_server(settings | {"REDIS_URL": ""}))]
        else:
            shared = settings | {"REDIS_URL": stack.enter_context(redis_server()).url}
            yield [
                stack.enter_context(run_server(shared, "--workers", workers))
                for workers in ("1", "2")
            ]


@pytest.mark.parametrize(
    ("users", "seconds"),
    [([BOB], 4), pytest.param([BOB, CAROL, DAVE], 20, marks=pytest.mark.slow)],
)
def test_no_frame_is_lost_however_connections_end(
    app: Flask, chat_servers: list[Server], users: list[int], seconds: float
) -> None:
    group = make_group(app, ALICE, *users)
    alice = ServerClient(chat_servers[0], ALICE)
    sent: list[int] = []
    all_sent = threading.Event()

    def send() -> None:
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                send_text(alice, group, str(len(sent)))
                sent.append(len(sent))
                all_sent.wait(random.uniform(0, 0.1))
        finally:
            all_sent.set()

    addresses = [server.address for server in chat_servers]
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        clients = [
            ReconnectingClient(user, stack.enter_context(run_network(addresses[0])), addresses)
            for user in users
        ]
        for client in clients:
            client.connect_for(0.1, "close")
        reconnecting = [pool.submit(client.reconnect_until, all_sent) for client in clients]
        pool.submit(send).result()
        for each in reconnecting:
            each.result()
        alice.close()
        for client in clients:
            client.connect_for(TIMEOUT, "close", sent[-1])

    assert [list(dict.fromkeys(client.received)) for client in clients] == [sent] * len(users)
