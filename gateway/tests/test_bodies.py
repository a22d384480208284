"""Bodies are bounded, and what is not one body to everybody is none."""

import socket
import threading
from itertools import repeat

import pytest

from gateway.tests.upstreams import Exchange, Upstream
from gateway.tests.wire import SECONDS, Gateway, answer_on, chunk, whole

LIMIT = 1024 * 1024
TOO_LARGE = {"code": -413, "info": "Payload too large"}
BAD_BODY = {"code": -7, "info": "Missing or error type of [body]"}
POST = ("POST /verify HTTP/1.1", "Host: x")


def test_a_body_of_just_the_limit_passes(gateway: Gateway) -> None:
    assert len(gateway.ask("POST", "/verify", body=b"x" * LIMIT).json["body"]) == LIMIT


def test_a_longer_body_is_refused_before_it_is_sent(gateway: Gateway, auth: Upstream) -> None:
    answer = gateway.say(*POST, f"Content-Length: {LIMIT + 1}")

    assert (answer.status, answer.json) == (413, TOO_LARGE)
    assert not auth.received


def test_who_sends_a_longer_body_anyway_can_read_the_refusal(gateway: Gateway) -> None:
    answer = gateway.ask("POST", "/verify", "Connection: close", body=b"x" * 10 * LIMIT)

    assert (answer.status, answer.json) == (413, TOO_LARGE)


def test_a_longer_chunked_body_is_refused_on_its_way(gateway: Gateway, auth: Upstream) -> None:
    body = chunk(b"x" * LIMIT) + chunk(b"x") + chunk(b"")
    answer = gateway.ask("POST", "/verify", "Transfer-Encoding: chunked", body=body)

    assert (answer.status, answer.json) == (413, TOO_LARGE)


def test_an_endless_body_is_cut_off(gateway: Gateway) -> None:
    with gateway.saying(*POST, "Transfer-Encoding: chunked") as connection:
        blocks = repeat(chunk(b"x" * LIMIT))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            list(map(connection.sendall, blocks))


def test_who_sends_without_a_token_can_read_the_refusal(gateway: Gateway) -> None:
    answer = gateway.ask("POST", "/friends", "Connection: close", body=b"x" * LIMIT)

    assert answer.status == 401


@pytest.mark.parametrize(
    ("target", "header", "status"),
    [
        ("/verify", f"Cookie: {'a' * 9000}", 431),
        (f"/verify?{'a' * 9000}", "X-Header: a", 414),
        ("/verify", "No header", 400),
    ],
)
def test_a_head_is_refused_in_a_way_that_can_be_read_while_the_body_is_on_its_way(
    gateway: Gateway, target: str, header: str, status: int
) -> None:
    head = (f"POST {target} HTTP/1.1", "Host: x", header, f"Content-Length: {3 * LIMIT}")

    answer = gateway.say(*head, body=b"x" * 3 * LIMIT)

    assert (answer.status, answer.json["code"]) == (status, -status)


def test_a_service_may_answer_before_it_has_read_the_body(gateway: Gateway, auth: Upstream) -> None:
    def refuse(got: Exchange) -> None:
        got.send("HTTP/1.1 415 Unsupported Media Type", "Content-Length: 0")
        got.close_connection = True

    auth.answer = refuse

    assert gateway.ask("POST", "/verify", body=b"x" * 500).status == 415


def test_a_body_that_stops_short_never_looks_whole_to_the_service(
    gateway: Gateway, auth: Upstream
) -> None:
    read = threading.Event()
    blocks: list[bytes] = []

    def collect(got: Exchange) -> None:
        blocks.extend(got.blocks())
        got.close_connection = True
        read.set()

    auth.answer = collect
    with gateway.saying(*POST, "Content-Length: 300000", body=b"x" * 200_000) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = whole(answer_on(connection))

    assert (answer.status, answer.json) == (400, BAD_BODY)
    assert read.wait(SECONDS)
    assert sum(map(len, blocks)) <= 200_000


def test_a_small_body_that_stops_short_does_not_reach_the_service(
    gateway: Gateway, auth: Upstream
) -> None:
    with gateway.saying(*POST, "Content-Length: 300", body=b"{}") as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = whole(answer_on(connection))

    assert (answer.status, answer.json) == (400, BAD_BODY)
    assert not auth.received


def test_a_broken_chunk_is_a_bad_body(gateway: Gateway, auth: Upstream) -> None:
    answer = gateway.ask("POST", "/verify", "Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n")

    assert (answer.status, answer.json) == (400, BAD_BODY)
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
    with gateway.saying(*POST, *headers, body=smuggled) as connection:
        answer = whole(answer_on(connection))

    assert 400 <= answer.status < 600
    assert answer.json.keys() == {"code", "info"}
    assert not [got.path for got in auth.received if got.path != "/verify"]


def test_a_body_does_not_run_into_the_next_request(gateway: Gateway, auth: Upstream) -> None:
    pipelined = b"GET /internal/x HTTP/1.1\r\nHost: x\r\n\r\n"
    gateway.say(*POST, f"Content-Length: {len(pipelined)}", body=pipelined)

    assert [got.path for got in auth.received] == ["/verify"]
