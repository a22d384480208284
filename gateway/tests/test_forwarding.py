"""Requests and responses are forwarded unchanged."""

import threading
from collections.abc import Callable, Mapping

import pytest

from gateway.app import create_app
from gateway.tests.upstreams import Exchange, Upstream
from gateway.tests.wire import TIMEOUT, Gateway, encode_chunk, read_head, read_response

OK = ("HTTP/1.1 200 OK", "Content-Type: text/plain")
StartGateway = Callable[[Mapping[str, str]], Gateway]


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


def test_ordinary_headers_reach_the_service_unchanged(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    gateway.request(
        "GET",
        "/conversations",
        "Accept: image/webp;q=0.5",
        'If-None-Match: "abc"',
        "X-Own: \xe4",
        "Cookie: a=b",
        token=token,
    )

    exchange = chat.received[0].headers
    assert exchange["Authorization"] == token
    assert (exchange["Accept"], exchange["If-None-Match"]) == ("image/webp;q=0.5", '"abc"')
    assert (exchange["X-Own"], exchange["Cookie"]) == ("\xe4", "a=b")


def test_the_host_header_is_forwarded(gateway: Gateway, chat: Upstream) -> None:
    gateway.send_head("GET /media/a HTTP/1.1", "Host: chat.example:81", "X-Forwarded-Host: evil")

    exchange = chat.received[0].headers
    assert (exchange["Host"], exchange["X-Forwarded-Host"]) == ("chat.example:81", None)


def test_a_request_without_a_host_is_forwarded_with_an_empty_one(
    gateway: Gateway, chat: Upstream
) -> None:
    gateway.send_head("GET /media/a HTTP/1.0")

    assert chat.received[0].headers.get_all("Host") == [""]


def test_the_gateway_adds_no_other_headers(gateway: Gateway, chat: Upstream) -> None:
    gateway.send_head("GET /media/a HTTP/1.1", "Host: x")

    assert sorted(chat.received[0].headers) == [
        "Host",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Request-Id",
    ]


@pytest.mark.parametrize(
    "header",
    [
        "X-User-Id: 1",
        "X-Internal-Secret: s",
        "X-Real-IP: 1.1.1.1",
        "X-Forwarded-Prefix: /p",
        "X-Original-URL: /internal",
        "Forwarded: for=1.1.1.1",
        "Remote-User: root",
        "Proxy: http://evil",
        "Proxy-Authorization: Basic x",
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "Upgrade: h2c",
        "Expect: 100-continue",
    ],
)
def test_untrusted_headers_are_removed(gateway: Gateway, chat: Upstream, header: str) -> None:
    with gateway.open_connection("GET /media/a HTTP/1.1", "Host: x", header) as connection:
        read_head(connection).close()

    assert header.partition(":")[0] not in chat.received[0].headers


def test_hop_by_hop_headers_are_not_forwarded(gateway: Gateway, chat: Upstream) -> None:
    gateway.send_head("GET /media/a HTTP/1.1", "Host: x", "Connection: X-Hop, Host", "X-Hop: 1")

    exchange = chat.received[0].headers
    assert (exchange["X-Hop"], exchange["Connection"], exchange["Host"]) == (None, None, "x")


def test_the_address_of_a_client_is_that_of_its_connection(
    gateway: Gateway, chat: Upstream
) -> None:
    gateway.request("GET", "/media/a", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https")

    exchange = chat.received[0].headers
    assert exchange.get_all("X-Forwarded-For") == ["127.0.0.1"]
    assert exchange.get_all("X-Forwarded-Proto") == ["http"]


def test_only_the_configured_number_of_proxies_is_trusted(
    environment: dict[str, str], chat: Upstream
) -> None:
    behind_one = create_app({**environment, "TRUSTED_PROXIES": "1"}).test_client()
    behind_one.get(
        "/media/a",
        headers={"X-Forwarded-For": "6.6.6.6, 2.2.2.2", "X-Forwarded-Proto": "https"},
        buffered=True,
    )

    exchange = chat.received[0].headers
    assert (exchange["X-Forwarded-For"], exchange["X-Forwarded-Proto"]) == ("2.2.2.2", "https")


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", "unknown"),
    ],
)
def test_the_address_of_a_client_has_no_port(
    environment: dict[str, str], chat: Upstream, written: str, address: str
) -> None:
    behind_one = create_app({**environment, "TRUSTED_PROXIES": "1"}).test_client()
    behind_one.get("/media/a", headers={"X-Forwarded-For": written}, buffered=True)

    assert chat.received[0].headers["X-Forwarded-For"] == address


def test_an_untrusted_address_is_logged_once(
    environment: dict[str, str], start_gateway: StartGateway
) -> None:
    gateway = start_gateway(environment)
    for name in ("one", "two"):
        gateway.request("GET", "/nowhere", "X-Forwarded-For: 1.1.1.1", f"X-Request-Id: {name}")

    gateway.wait_for_log("two")
    warnings = [line for line in gateway.log if "forwarded_address_ignored" in line]
    assert ["TRUSTED_PROXIES" in line for line in warnings] == [True]


def test_a_request_id_is_forwarded_and_logged(gateway: Gateway, chat: Upstream) -> None:
    response = gateway.request("GET", "/media/a", "X-Request-Id: mine-1")

    assert response.header("X-Request-Id") == ["mine-1"]
    assert chat.received[0].headers.get_all("X-Request-Id") == ["mine-1"]
    assert '"route":"/media"' in gateway.wait_for_log("mine-1")


def test_a_refused_request_is_logged_with_its_route(gateway: Gateway) -> None:
    assert gateway.request("GET", "/friends/7", "X-Request-Id: refused-1").status == 401

    assert '"route":"/friends"' in gateway.wait_for_log("refused-1")


def test_a_request_without_an_id_gets_one(gateway: Gateway, chat: Upstream) -> None:
    response = gateway.request("GET", "/media/a", "X-Request-Id: {not well-formed}")

    assert response.header("X-Request-Id") == [chat.received[0].headers["X-Request-Id"]]
    assert len(response.header("X-Request-Id")[0]) == 32


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


def test_a_query_is_not_logged(gateway: Gateway, token: str) -> None:
    gateway.request("GET", f"/ws/?token={token}", "X-Request-Id: with-a-token")

    gateway.wait_for_log("with-a-token")
    assert not [line for line in gateway.log if token in line]


@pytest.mark.parametrize(
    "line",
    ["GET /ws/?token={} HTTP/1.1 x", "GET /ws/?token={}\x01 HTTP/1.1", "Authorization {}"],
)
def test_an_invalid_request_line_is_not_logged(gateway: Gateway, token: str, line: str) -> None:
    logged = len(gateway.log)

    response = gateway.send_head("GET /friends HTTP/1.1", line.format(token), "Host: x")

    assert (response.status, response.json) == (400, {"code": -400, "info": "Bad request"})
    gateway.wait_for_log("invalid_request", after=logged)
    assert not [written for written in gateway.log if token[:40] in written]


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
