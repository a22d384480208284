"""Websockets are forwarded between client and chat service if the token is valid."""

import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from urllib.parse import quote, unquote

import psutil
import pytest
import websocket
from flask.testing import FlaskClient
from websocket._abnf import ABNF

from gateway.frames import GOING_AWAY
from gateway.tests.upstreams import Exchange, Upstream, close_connection, echo_websocket, hang_until
from gateway.tests.wire import TIMEOUT, Gateway
from shared.testing.tokens import issue

StartGateway = Callable[[Mapping[str, str]], Gateway]
Connect = Callable[..., websocket.WebSocket]


@pytest.fixture
def connect(gateway: Gateway, chat: Upstream) -> Iterator[Connect]:
    """Open websockets, and close them at the end."""
    chat.handler = echo_websocket
    with ExitStack() as stack:

        def connect(token: str, path: str = "/ws/", to: Gateway = gateway) -> websocket.WebSocket:
            connection = websocket.create_connection(
                f"ws://127.0.0.1:{to.port}{path}?token={token}",
                timeout=TIMEOUT,
                origin="http://elsewhere.example",
            )
            stack.callback(connection.shutdown)
            return connection

        yield connect


def _wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


def _handshake(token: str) -> tuple[str, ...]:
    target = f"GET /ws/?token={token} HTTP/1.1"
    return target, "Host: x", "Connection: Upgrade", "Upgrade: websocket"


@pytest.mark.parametrize("path", ["/ws/", "/ws"])
def test_messages_are_forwarded_in_both_directions(connect: Connect, token: str, path: str) -> None:
    connection = connect(token, path)

    assert connection.recv() == "hello"
    connection.send("你好")
    assert connection.recv() == "你好"


def test_large_messages_are_forwarded_completely(connect: Connect, token: str) -> None:
    connection = connect(token)
    connection.recv()
    message = "x" * 5_000_000

    sender = threading.Thread(target=connection.send, args=(message,))
    sender.start()

    assert connection.recv() == message
    sender.join()


def test_the_chat_service_gets_the_handshake_like_any_request(
    connect: Connect, gateway: Gateway, chat: Upstream, token: str
) -> None:
    connect(token)

    exchange = chat.received[0]
    assert exchange.path == f"/ws/?token={token}"
    assert exchange.headers["Host"] == f"127.0.0.1:{gateway.port}"
    assert exchange.headers["X-Forwarded-For"] == "127.0.0.1"
    assert (exchange.headers["Upgrade"], exchange.headers["Connection"]) == ("websocket", "Upgrade")


@pytest.mark.parametrize(
    "token", ["", "abc", issue(7, exp=1)], ids=["none", "a wrong one", "an old one"]
)
def test_a_bad_token_is_refused_at_the_handshake(
    connect: Connect, chat: Upstream, token: str
) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        connect(token)

    assert refusal.value.status_code == 401
    assert not chat.received


def test_the_token_can_be_a_subprotocol(gateway: Gateway, chat: Upstream, token: str) -> None:
    chat.handler = echo_websocket
    url = f"ws://127.0.0.1:{gateway.port}/ws/"
    header = {"Sec-WebSocket-Protocol": f"ims, {token}"}
    connection = websocket.create_connection(url, timeout=TIMEOUT, header=header)

    assert connection.recv() == "hello"
    assert chat.received[0].headers["Sec-WebSocket-Protocol"] == f"ims, {token}"
    connection.shutdown()


def test_a_header_does_not_replace_the_token_in_the_query(
    local_client: FlaskClient, token: str
) -> None:
    assert local_client.get("/ws/", headers={"Authorization": token}).status_code == 401


def test_a_refusal_of_the_chat_service_is_forwarded(
    connect: Connect, chat: Upstream, token: str
) -> None:
    chat.handler = lambda exchange: exchange.send(
        "HTTP/1.1 403 Forbidden", "Content-Length: 2", body=b"no"
    )

    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        connect(token)

    assert (refusal.value.status_code, refusal.value.resp_body) == (403, b"no")


def test_a_refused_handshake_opens_no_way_around_the_gateway(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    gateway.send_head(*_handshake(token), "", "GET /internal/events HTTP/1.1", "Host: x")

    assert [exchange.path for exchange in chat.received] == [f"/ws/?token={token}"]


def test_an_upgrade_elsewhere_is_an_ordinary_request(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    response = gateway.request(
        "GET", "/conversations", "Connection: Upgrade", "Upgrade: websocket", token=token
    )

    assert response.status == 200
    assert chat.received[0].headers["Upgrade"] is None


def test_a_connection_lost_during_the_handshake_is_503(
    connect: Connect, chat: Upstream, token: str
) -> None:
    chat.handler = close_connection
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        connect(token)

    assert refusal.value.status_code == 503


def test_a_handshake_without_a_response_is_504(
    connect: Connect, chat: Upstream, token: str
) -> None:
    released = threading.Event()
    chat.handler = hang_until(released)

    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        connect(token)

    assert refusal.value.status_code == 504
    released.set()


def test_the_service_closing_closes_the_client(
    connect: Connect, chat: Upstream, token: str
) -> None:
    connection = connect(token)
    connection.recv()

    chat.received[0].connection.shutdown(2)

    with pytest.raises(websocket.WebSocketConnectionClosedException):
        connection.recv()


def test_the_client_closing_closes_the_service(
    connect: Connect, chat: Upstream, token: str
) -> None:
    ended = threading.Event()

    def echo_and_notify(exchange: Exchange) -> None:
        echo_websocket(exchange)
        ended.set()

    chat.handler = echo_and_notify
    connection = connect(token)
    connection.recv()

    connection.close(timeout=0)

    assert ended.wait(TIMEOUT)


def test_a_client_that_stops_reading_stops_the_service(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    written: list[int] = []
    blocked = threading.Event()

    def flood(exchange: Exchange) -> None:
        exchange.send(
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"
        )
        exchange.connection.settimeout(0.5)
        try:
            while sum(written) < 200_000_000:
                written.append(exchange.connection.send(b"x" * 65536))
        except TimeoutError:
            blocked.set()
        exchange.close_connection = True

    chat.handler = flood
    with gateway.open_connection(*_handshake(token)) as connection:
        assert blocked.wait(TIMEOUT)
        head, _, first = connection.recv(65536).partition(b"\r\n\r\n")
        read = len(first)
        while block := connection.recv(1_000_000):
            read += len(block)

    assert head.startswith(b"HTTP/1.1 101 ")
    assert read == sum(written)


def test_frames_right_after_the_handshake_are_forwarded(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    def accept_and_greet(exchange: Exchange) -> None:
        exchange.send("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", body=b"\x81\x02hi")
        exchange.close_connection = True

    chat.handler = accept_and_greet
    with gateway.open_connection(*_handshake(token)) as connection:
        everything = b"".join(iter(lambda: connection.recv(1000), b""))

    assert everything.endswith(b"\r\n\r\n\x81\x02hi")


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
                *_handshake(f"{issue(user)}&name={quote(name)}")
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
