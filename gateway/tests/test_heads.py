"""Limits of request heads in size and time, and raw UTF-8 in targets."""

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing

import pytest

from gateway.tests.upstreams import Upstream
from gateway.tests.wire import TIMEOUT, Gateway, read_head, read_response

StartGateway = Callable[[Mapping[str, str]], Gateway]

HEAD = ("GET /media/a HTTP/1.1", "Host: x")
KIB = 1024


def _padded(size: int) -> tuple[str, ...]:
    """Build the lines of a head of a given size."""
    lines = [*HEAD, *(f"X-{number}: {'x' * 4000}" for number in range(size // 4096))]
    missing = size - len("\r\n".join((*lines, "X-Rest: ", "", "")))
    return (*lines, f"X-Rest: {'x' * missing}")


def test_the_limit_of_a_head_is_32_kib(gateway: Gateway) -> None:
    assert gateway.send_head(*_padded(32 * KIB - 1)).status == 200
    assert gateway.send_head(*_padded(32 * KIB)).status == 200

    response = gateway.send_head(*_padded(32 * KIB + 1))

    assert (response.status, response.json) == (
        431,
        {"code": -431, "info": "Request header fields too large"},
    )


@pytest.mark.parametrize(("begun", "status"), [("GET /", 414), ("GET / HTTP/1.1\r\nX: ", 431)])
def test_a_head_that_is_too_large_is_refused_before_it_ends(
    gateway: Gateway, begun: str, status: int
) -> None:
    with closing(socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT)) as connection:
        connection.sendall(begun.encode() + b"x" * 40 * KIB)
        response = read_response(read_head(connection))

    assert (response.status, response.json["code"]) == (status, -status)


def test_a_head_can_arrive_byte_by_byte(gateway: Gateway) -> None:
    with closing(socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in "\r\n".join((*HEAD, "", "")).encode():
            connection.send(bytes([byte]))
        assert read_response(read_head(connection)).status == 200


def test_requests_that_one_client_sends_ahead_let_others_have_their_turn(gateway: Gateway) -> None:
    count = 4_000
    requests = b"OPTIONS /friends HTTP/1.1\r\nHost: x\r\n\r\n" * count
    answered: list[bool] = []
    began = threading.Event()
    with closing(socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT)) as connection:

        def read() -> None:
            while len(answered) < count:
                answered.extend([True] * connection.recv(65536).count(b"HTTP/1.1 200 OK"))
                began.set()

        sender = threading.Thread(target=connection.sendall, args=(requests,))
        reader = threading.Thread(target=read)
        sender.start()
        reader.start()
        assert began.wait(TIMEOUT)
        assert gateway.request("GET", "/livez").status == 200
        assert len(answered) < count
        reader.join()
        sender.join()


@pytest.mark.parametrize(
    "head",
    [b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n", b"\x16\x03\x01\n"],
)
def test_a_line_feed_that_ends_no_line_is_refused(gateway: Gateway, head: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT)) as connection:
        connection.sendall(head)
        assert read_response(read_head(connection)).status == 400


def test_raw_utf_8_in_a_target_equals_its_encoded_form(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    line = "GET /conversations/张?content=银行&a=%20 HTTP/1.1".encode().decode("latin-1")
    gateway.send_head(line, "Host: x", f"Authorization: {token}")

    assert chat.received[0].path == ("/conversations/%E5%BC%A0?content=%E9%93%B6%E8%A1%8C&a=%20")


@pytest.mark.parametrize("line", ["GÉT /livez HTTP/1.1", "GET /livez HTTP/1.é", "GET /é"])
def test_other_characters_than_ascii_elsewhere_in_the_line_are_refused(
    gateway: Gateway, line: str
) -> None:
    assert gateway.send_head(line, "Host: x").status == 400


def test_the_oldest_waiting_connection_of_an_address_is_closed(
    environment: dict[str, str], start_gateway: StartGateway
) -> None:
    gateway = start_gateway(environment)
    with ExitStack() as stack:
        lines = ("GET /livez HTTP/1.1", "Host: x")
        idle = [stack.enter_context(gateway.open_connection(*lines)) for _ in range(1_100)]
        for each in idle:
            assert read_response(read_head(each)).status == 200

        assert gateway.request("GET", "/livez").status == 200

        assert idle[0].recv(1) == b""
        idle[-1].sendall("\r\n".join((*lines, "", "")).encode())
        assert read_response(read_head(idle[-1])).status == 200
    gateway.stop()
    assert gateway.log == []
