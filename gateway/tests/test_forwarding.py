"""Requests and responses are forwarded unchanged."""

import threading
from collections.abc import Callable

import pytest

from gateway.tests.upstreams import Exchange, Upstream
from gateway.tests.wire import TIMEOUT, Gateway, encode_chunk, read_head, read_response

OK = ("HTTP/1.1 200 OK", "Content-Type: text/plain")


def _sends(*lines: str, body: bytes = b"") -> Callable[[Exchange], None]:
    return lambda exchange: exchange.send(*lines, body=body)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_body_is_forwarded_with_any_method(gateway: Gateway, token: str, method: str) -> None:
    sent = b'{"conversation_id": 7}'
    response = gateway.request(method, "/conversations?a=b", token=token, body=sent)

    assert (response.json["method"], response.json["body"]) == (method, sent.decode())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_chunked_body_is_forwarded(gateway: Gateway, token: str, method: str) -> None:
    body = encode_chunk(b"a" * 70_000) + encode_chunk(b"b" * 70_000) + encode_chunk(b"")
    response = gateway.request(
        method, "/conversations", "Transfer-Encoding: chunked", token=token, body=body
    )

    assert response.json["body"] == "a" * 70_000 + "b" * 70_000


def test_a_large_body_is_forwarded_with_its_length(
    gateway: Gateway, auth: Upstream, token: str
) -> None:
    response = gateway.request("PUT", "/account/info", token=token, body=b"x" * 500_000)

    assert response.json["body"] == "x" * 500_000
    assert auth.received[0].headers.get_all("Content-Length") == ["500000"]
    assert "Transfer-Encoding" not in auth.received[0].headers


def test_a_chunked_body_is_forwarded_with_a_length(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    body = encode_chunk(b"a" * 70_000) + encode_chunk(b"b" * 70_000) + encode_chunk(b"")
    chunked = "Transfer-Encoding: chunked"
    gateway.request("POST", "/conversations", chunked, token=token, body=body)

    assert chat.received[0].headers["Content-Length"] == "140000"
    assert chat.received[0].headers["Transfer-Encoding"] is None


def test_a_download_is_streamed(gateway: Gateway, chat: Upstream) -> None:
    first_block_came = threading.Event()

    def write(exchange: Exchange) -> None:
        exchange.send(*OK, "Content-Length: 20", body=b"x" * 10)
        assert first_block_came.wait(TIMEOUT)
        exchange.wfile.write(b"y" * 10)

    chat.handler = write
    with gateway.open_request("GET", "/media/a") as response:
        assert response.read(10) == b"x" * 10
        first_block_came.set()
        assert response.read() == b"y" * 10


def test_a_chunked_response_is_complete(gateway: Gateway, chat: Upstream) -> None:
    body = encode_chunk(b"a" * 100_000) + encode_chunk(b"b") + encode_chunk(b"")
    chat.handler = _sends(*OK, "Transfer-Encoding: chunked", body=body)

    assert gateway.request("GET", "/media/a").body == b"a" * 100_000 + b"b"


def test_a_response_that_ends_with_its_connection_is_complete(
    gateway: Gateway, chat: Upstream
) -> None:
    def close_at_the_end(exchange: Exchange) -> None:
        exchange.send(*OK, body=b"x" * 100_000)
        exchange.close_connection = True

    chat.handler = close_at_the_end

    assert gateway.request("GET", "/media/a").body == b"x" * 100_000


def test_an_informational_response_is_skipped(gateway: Gateway, chat: Upstream) -> None:
    announced = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    chat.handler = _sends("HTTP/1.1 103 Early Hints", "Link: </a>", body=announced)

    response = gateway.request("GET", "/media/a")

    assert (response.status, response.header("Link"), response.body) == (200, [], b"ok")


def test_a_response_has_the_status_and_headers_of_the_service(
    gateway: Gateway, chat: Upstream
) -> None:
    chat.handler = _sends(
        "HTTP/1.1 201 Created",
        "Content-Length: 2",
        "Content-Encoding: gzip",
        "Content-Type: image/png",
        "Cache-Control: immutable",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2; Path=/",
        "Server: secret",
        "Connection: X-Hop",
        "X-Hop: 1",
        body=b"\x1f\x8b",
    )

    response = gateway.request("GET", "/media/a")

    assert (response.status, response.body) == (201, b"\x1f\x8b")
    assert response.header("Content-Encoding") == ["gzip"]
    assert response.header("Content-Type") == ["image/png"]
    assert response.header("Cache-Control") == ["immutable"]
    assert response.header("Set-Cookie") == ["a=1", "b=2; Path=/"]
    assert response.header("X-Content-Type-Options") == ["nosniff"]
    assert response.header("X-Hop") == []
    assert response.header("Server") == []
    assert len(response.header("Date")) == 1


def test_a_redirect_is_forwarded(gateway: Gateway, chat: Upstream) -> None:
    chat.handler = _sends("HTTP/1.1 302 Found", "Location: /media/b", "Content-Length: 0")

    response = gateway.request("GET", "/media/a")

    assert (response.status, response.header("Location")) == (302, ["/media/b"])
    assert len(chat.received) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_response_without_a_body_is_forwarded_without_one(
    gateway: Gateway, chat: Upstream, status: str
) -> None:
    chat.handler = _sends(f"HTTP/1.1 {status}")

    response = gateway.request("GET", "/media/a")

    assert (response.status, response.body) == (int(status[:3]), b"")
    assert response.header("Content-Type") == []


def test_head_returns_the_length_and_no_body(gateway: Gateway, chat: Upstream) -> None:
    chat.handler = _sends(*OK, "Content-Length: 5")

    response = gateway.request("HEAD", "/media/a")

    assert (response.header("Content-Length"), response.body) == (["5"], b"")


def test_one_connection_serves_many_requests(gateway: Gateway, chat: Upstream) -> None:
    head = ("GET /media/a HTTP/1.1", "Host: x")
    with gateway.open_connection(*head) as connection:
        read_response(read_head(connection))
        connection.sendall("\r\n".join((*head, "", "")).encode())
        assert read_response(read_head(connection)).status == 200

    addresses = {exchange.client_address for exchange in chat.received}
    assert len(addresses) == 1


@pytest.mark.parametrize("query", ["q=100%&p=%E4%BD%A0", "a=1&a=2&b", "q=<'{"])
def test_a_query_is_forwarded_unchanged(
    gateway: Gateway, chat: Upstream, token: str, query: str
) -> None:
    gateway.request("GET", f"/conversations?{query}", token=token)

    assert chat.received[0].path == f"/conversations?{query}"


def test_a_client_that_disconnects_frees_the_service(gateway: Gateway, chat: Upstream) -> None:
    broken = threading.Event()

    def write(exchange: Exchange) -> None:
        exchange.send(*OK, "Content-Length: 1000000000")
        try:
            while True:
                exchange.wfile.write(b"x" * 100_000)
        except OSError:
            exchange.close_connection = True
            broken.set()

    chat.handler = write
    with gateway.open_request("GET", "/media/a") as response:
        response.read(10)
        response.close()
    assert broken.wait(TIMEOUT)
