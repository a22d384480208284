"""Websockets are forwarded between client and chat service if the token is valid."""

import threading

import pytest
import websocket
from flask.testing import FlaskClient

from gateway.tests.conftest import Connect
from gateway.tests.upstreams import Exchange, Upstream, close_connection, echo_websocket, hang_until
from gateway.tests.wire import TIMEOUT, Gateway, websocket_handshake
from shared.testing.tokens import issue


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
def test_a_bad_token_is_refused_at_thewebsocket_handshake(
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
    gateway.send_head(*websocket_handshake(token), "", "GET /internal/events HTTP/1.1", "Host: x")

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
    with gateway.open_connection(*websocket_handshake(token)) as connection:
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
    with gateway.open_connection(*websocket_handshake(token)) as connection:
        everything = b"".join(iter(lambda: connection.recv(1000), b""))

    assert everything.endswith(b"\r\n\r\n\x81\x02hi")
