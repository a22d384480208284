"""Limits of request bodies, and rejection of ambiguous framing."""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import repeat

import pytest

from gateway.tests.upstreams import Exchange, Upstream
from gateway.tests.wire import Gateway, encode_chunk, read_head, read_response

LIMIT = 1024 * 1024
PUBLIC_LIMIT = 64 * 1024
TOO_LARGE = {"code": -413, "info": "Payload too large"}
TOO_SLOW = {"code": -408, "info": "Request timeout"}
BAD_BODY = {"code": -7, "info": "Missing or error type of [body]"}
POST = ("POST /verify HTTP/1.1", "Host: x")

StartGateway = Callable[[Mapping[str, str]], Gateway]


@pytest.fixture
def upload(token: str) -> tuple[str, ...]:
    """The request line and headers of an upload, without its framing."""
    return ("POST /conversations/image HTTP/1.1", "Host: x", f"Authorization: {token}")


def test_a_body_of_the_maximum_size_is_forwarded(gateway: Gateway, token: str) -> None:
    response = gateway.request("POST", "/conversations", token=token, body=b"x" * LIMIT)

    assert len(response.json["body"]) == LIMIT


def test_a_longer_body_is_refused_before_it_is_sent(
    gateway: Gateway, chat: Upstream, upload: tuple[str, ...]
) -> None:
    response = gateway.send_head(*upload, f"Content-Length: {LIMIT + 1}")

    assert (response.status, response.json) == (413, TOO_LARGE)
    assert not chat.received


def test_the_limit_without_a_token_is_64_kib(gateway: Gateway, auth: Upstream) -> None:
    passed = gateway.request("POST", "/verify", body=b"x" * PUBLIC_LIMIT)

    refused = gateway.send_head(*POST, f"Content-Length: {PUBLIC_LIMIT + 1}")

    assert len(passed.json["body"]) == PUBLIC_LIMIT
    assert (refused.status, refused.json) == (413, TOO_LARGE)
    assert len(auth.received) == 1


def test_a_client_that_sends_a_longer_body_can_read_the_refusal(
    gateway: Gateway, token: str
) -> None:
    body = b"x" * 10 * LIMIT
    response = gateway.request(
        "POST", "/conversations", "Connection: close", token=token, body=body
    )

    assert (response.status, response.json) == (413, TOO_LARGE)


@pytest.mark.parametrize(("path", "limit"), [("/verify", PUBLIC_LIMIT), ("/conversations", LIMIT)])
def test_a_longer_chunked_body_is_refused_while_it_is_sent(
    gateway: Gateway, services: dict[str, Upstream], token: str, path: str, limit: int
) -> None:
    body = encode_chunk(b"x" * limit) + encode_chunk(b"x") + encode_chunk(b"")
    response = gateway.request("POST", path, "Transfer-Encoding: chunked", token=token, body=body)

    assert (response.status, response.json) == (413, TOO_LARGE)
    assert not [service for service in services.values() if service.received]


@pytest.mark.parametrize("sizes", [[1] * 1_000, [256] * 4_000])
def test_a_body_may_come_in_a_thousand_small_chunks_or_many_larger_ones(
    gateway: Gateway, token: str, sizes: list[int]
) -> None:
    body = b"".join(encode_chunk(b"x" * size) for size in [*sizes, 0])
    response = gateway.request(
        "POST", "/conversations", "Transfer-Encoding: chunked", token=token, body=body
    )

    assert len(response.json["body"]) == sum(sizes)


@pytest.mark.parametrize("size", [1, 64])
def test_a_body_in_too_many_small_chunks_is_refused(
    gateway: Gateway, chat: Upstream, token: str, size: int
) -> None:
    body = encode_chunk(b"x" * size) * 50_000
    response = gateway.request(
        "POST", "/conversations", "Transfer-Encoding: chunked", token=token, body=body
    )

    assert (response.status, response.json) == (400, BAD_BODY)
    assert not chat.received


def test_an_endless_body_is_cut_off(gateway: Gateway) -> None:
    with gateway.open_connection(*POST, "Transfer-Encoding: chunked") as connection:
        blocks = repeat(encode_chunk(b"x" * LIMIT))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            list(map(connection.sendall, blocks))


@pytest.mark.parametrize("sent", [0, 1, 70_000, 200_000])
def test_an_incomplete_body_occupies_no_slot_of_the_service(
    environment: dict[str, str],
    start_gateway: StartGateway,
    chat: Upstream,
    upload: tuple[str, ...],
    token: str,
    sent: int,
) -> None:
    gateway = start_gateway({**environment, "UPSTREAM_CONCURRENCY": "1"})
    with gateway.open_connection(*upload, "Content-Length: 300000", body=b"x" * sent) as connection:
        assert gateway.request("GET", "/conversations", token=token).status == 200
        assert len(chat.received) == 1

        connection.sendall(b"x" * (300_000 - sent))
        assert read_response(read_head(connection)).json["body"] == "x" * 300_000


@pytest.mark.parametrize("sent", [b"", b"x" * 100_000])
def test_a_client_that_stops_sending_is_refused(
    gateway: Gateway, chat: Upstream, upload: tuple[str, ...], sent: bytes
) -> None:
    with gateway.open_connection(*upload, "Content-Length: 300000", body=sent) as connection:
        response = read_response(read_head(connection))
        assert (response.status, response.json) == (408, TOO_SLOW)
        assert connection.recv(1) == b""
    assert not chat.received


@pytest.mark.parametrize("sent", [b"", b"x" * 900_000])
def test_a_client_that_sends_too_slowly_is_refused(
    environment: dict[str, str],
    start_gateway: StartGateway,
    chat: Upstream,
    upload: tuple[str, ...],
    sent: bytes,
) -> None:
    gateway = start_gateway({**environment, "BODY_TIMEOUT_SECONDS": "0.5"})
    with gateway.open_connection(*upload, f"Content-Length: {LIMIT}", body=sent) as connection:
        connection.settimeout(0.2)
        response = b""
        while not response:
            connection.send(b"x")
            with suppress(TimeoutError):
                response = connection.recv(1000)
    assert response.startswith(b"HTTP/1.1 408 ")
    assert not chat.received


def test_uploads_of_one_account_have_a_quarter_of_the_spool(
    environment: dict[str, str], start_gateway: StartGateway, token: str
) -> None:
    settings = {"SPOOL_MAX_BYTES": str(16 * LIMIT), "MAX_BODY_BYTES": str(8 * LIMIT)}
    gateway = start_gateway({**environment, **settings})
    large = b"x" * (4 * LIMIT + 1)

    refused = gateway.request("POST", "/conversations", token=token, body=large)

    assert (refused.status, refused.header("Retry-After")) == (429, ["1"])
    assert gateway.request("POST", "/conversations", token=token, body=large[1:]).status == 200
    assert gateway.request("POST", "/conversations", token=token, body=large[1:]).status == 200


def test_a_client_that_sends_a_body_without_a_token_can_read_the_refusal(gateway: Gateway) -> None:
    response = gateway.request("POST", "/friends", "Connection: close", body=b"x" * LIMIT)

    assert response.status == 401


@pytest.mark.parametrize(
    ("target", "header", "status"),
    [
        ("/verify", f"Cookie: {'a' * 9000}", 431),
        (f"/verify?{'a' * 9000}", "X-Header: a", 414),
        (f"/verify?{'a' * 40_000}", "X-Header: a", 414),
        ("/verify", "No header", 400),
    ],
    ids=["header", "target", "target longer than a head", "no header"],
)
def test_the_refusal_of_a_head_can_be_read_while_the_body_is_sent(
    gateway: Gateway, target: str, header: str, status: int
) -> None:
    head = (f"POST {target} HTTP/1.1", "Host: x", header, f"Content-Length: {3 * LIMIT}")

    response = gateway.send_head(*head, body=b"x" * 3 * LIMIT)

    assert (response.status, response.json["code"]) == (status, -status)


def test_a_service_can_respond_before_it_has_read_the_body(
    gateway: Gateway, auth: Upstream
) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.send("HTTP/1.1 415 Unsupported Media Type", "Content-Length: 0")
        exchange.close_connection = True

    auth.handler = refuse

    assert gateway.request("POST", "/verify", body=b"x" * 500).status == 415


@pytest.mark.parametrize("length", [300, 300_000])
def test_a_truncated_body_is_not_forwarded(
    gateway: Gateway, chat: Upstream, upload: tuple[str, ...], length: int
) -> None:
    sent = b"x" * (length // 2)
    with gateway.open_connection(*upload, f"Content-Length: {length}", body=sent) as connection:
        connection.shutdown(socket.SHUT_WR)
        response = read_response(read_head(connection))

    assert (response.status, response.json) == (400, BAD_BODY)
    assert not chat.received


def test_a_broken_chunk_is_a_bad_body(gateway: Gateway, auth: Upstream) -> None:
    response = gateway.request(
        "POST", "/verify", "Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n"
    )

    assert (response.status, response.json) == (400, BAD_BODY)
    assert not auth.received


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding: \x0bchunked",),
        ("Content-Length: -1",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
        ("Content-Length: 5, 5",),
        ("Host: y",),
    ],
)
def test_ambiguous_framing_is_refused(
    gateway: Gateway, auth: Upstream, headers: tuple[str, ...]
) -> None:
    smuggled = b"0\r\n\r\nGET /internal HTTP/1.1\r\nHost: x\r\n\r\n"
    with gateway.open_connection(*POST, *headers, body=smuggled) as connection:
        response = read_response(read_head(connection))

    assert 400 <= response.status < 600
    assert response.json.keys() == {"code", "info"}
    assert not [exchange.path for exchange in auth.received if exchange.path != "/verify"]


def test_bytes_after_a_body_are_the_next_request(gateway: Gateway, auth: Upstream) -> None:
    pipelined = b"GET /internal/x HTTP/1.1\r\nHost: x\r\n\r\n"
    gateway.send_head(*POST, f"Content-Length: {len(pipelined)}", body=pipelined)

    assert [exchange.path for exchange in auth.received] == ["/verify"]
