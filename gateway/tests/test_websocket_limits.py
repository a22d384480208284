"""Limits of websockets, and websockets of a stopping gateway."""

import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from urllib.parse import quote, unquote

import psutil
import pytest
import websocket
from websocket._abnf import ABNF

from gateway.frames import GOING_AWAY
from gateway.tests.conftest import Connect
from gateway.tests.upstreams import Exchange, Upstream
from gateway.tests.wire import TIMEOUT, Gateway, websocket_handshake
from shared.testing.tokens import issue

StartGateway = Callable[[Mapping[str, str]], Gateway]


def _wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


def test_closed_websockets_leave_no_file_descriptors(
    connect: Connect, gateway: Gateway, token: str
) -> None:
    [worker] = psutil.Process(gateway.program.pid).children()
    connect(token).close(timeout=0)
    before = worker.num_fds()

    for connection in [connect(token) for _ in range(30)]:
        connection.close(timeout=0)

    _wait_until(lambda: worker.num_fds() <= before)


def test_websockets_beyond_the_limit_are_503(
    connect: Connect, environment: dict[str, str], start_gateway: StartGateway, token: str
) -> None:
    gateway = start_gateway({**environment, "MAX_WEBSOCKETS": "1"})
    connect(token, to=gateway).recv()

    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        connect(token, to=gateway)

    assert refusal.value.status_code == 503


def test_open_websockets_do_not_delay_the_stop(
    connect: Connect, environment: dict[str, str], start_gateway: StartGateway, token: str
) -> None:
    gateway = start_gateway(environment)
    connection = connect(token, to=gateway)
    connection.recv()
    begun = time.monotonic()

    assert gateway.stop() == 0

    assert time.monotonic() - begun < 15  # Much less than the timeout of requests in flight.
    assert connection.recv_data(control_frame=True) == (ABNF.OPCODE_CLOSE, struct.pack("!H", 1001))


ENDINGS = {  # Bytes sent before the stop, and those added at the end.
    "a frame": (b"\x81\x02hi", GOING_AWAY),
    "two frames": (b"\x81\x02hi\x89\x00", GOING_AWAY),
    "a frame of two length bytes": (b"\x81\x7e\x01\x00" + b"x" * 256, GOING_AWAY),
    "a frame of eight length bytes": (
        b"\x82\x7f" + (70_000).to_bytes(8) + b"x" * 70_000,
        GOING_AWAY,
    ),
    "half a head": (b"\x81", b""),
    "half a payload": (b"\x81\x03hi", b""),
    "half a length": (b"\x81\x7e\x01", b""),
    "most of a large payload": (b"\x82\x7f" + (70_000).to_bytes(8) + b"x" * 69_999, b""),
}


def test_a_stopping_gateway_sends_a_close_frame_between_two_frames(
    chat: Upstream, environment: dict[str, str], start_gateway: StartGateway
) -> None:
    released = threading.Event()

    def send_and_wait(exchange: Exchange) -> None:
        exchange.send("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket")
        sent, _ = ENDINGS[unquote(exchange.path.rpartition("=")[2])]
        for at in range(0, len(sent), 1000):  # In pieces that split frames.
            exchange.connection.sendall(sent[at : at + 1000])
        released.wait(TIMEOUT)
        exchange.close_connection = True

    chat.handler = send_and_wait
    gateway = start_gateway(environment)
    with ExitStack() as stack:
        connections = {}
        for user, name in enumerate(ENDINGS):
            open_requests = gateway.open_connection(
                *websocket_handshake(f"{issue(user)}&name={quote(name)}")
            )
            connections[name] = stack.enter_context(open_requests)
        for name, connection in connections.items():
            everything = b""
            while not everything.endswith(b"\r\n\r\n" + ENDINGS[name][0]):
                everything += connection.recv(1000)
        gateway.stop()
        rest = {name: connection.makefile("rb").read() for name, connection in connections.items()}
    released.set()

    assert rest == {name: goodbye for name, (_, goodbye) in ENDINGS.items()}
