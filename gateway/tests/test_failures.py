"""A service that is down, slow or broken gets a response in time, and affects no other one."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import pytest

from gateway.tests.conftest import free_port
from gateway.tests.upstreams import Exchange, Upstream, close_connection, hang_until
from gateway.tests.wire import (
    TIMEOUT,
    Gateway,
    WireResponse,
    encode_chunk,
    read_head,
    read_response,
)
from shared.testing.tokens import issue

StartGateway = Callable[[Mapping[str, str]], Gateway]

SERVICE_UNAVAILABLE = {"code": -503, "info": "Service unavailable"}
GATEWAY_TIMEOUT = {"code": -504, "info": "Service unavailable"}
OK = ("HTTP/1.1 200 OK", "Content-Type: text/plain")


@pytest.fixture
def hang(chat: Upstream) -> threading.Event:
    """The chat service does not respond until this event is set."""
    released = threading.Event()
    chat.handler = hang_until(released)
    return released


def _without_chat(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "CHAT_SERVICE_URL": f"http://127.0.0.1:{free_port()}"}


def test_a_service_that_is_down_is_503_and_the_others_work(
    environment: dict[str, str], start_gateway: StartGateway, social: Upstream, token: str
) -> None:
    gateway = start_gateway(_without_chat(environment))

    response = gateway.request("POST", "/conversations", token=token, body=b"{}")

    assert (response.status, response.json) == (503, SERVICE_UNAVAILABLE)
    assert gateway.request("GET", "/friends", token=token).status == 200


def test_a_service_that_does_not_respond_is_504_in_time_and_the_others_work(
    gateway: Gateway, hang: threading.Event, token: str
) -> None:
    begun = time.monotonic()
    response = gateway.request("GET", "/conversations", token=token)
    duration = time.monotonic() - begun

    assert (response.status, response.json) == (504, GATEWAY_TIMEOUT)
    assert duration < 3
    assert gateway.request("GET", "/friends", token=token).status == 200
    hang.set()


def test_a_service_that_does_not_read_is_504(
    gateway: Gateway, hang: threading.Event, token: str
) -> None:
    response = gateway.request("POST", "/conversations/image", token=token, body=b"x" * 1_000_000)

    assert (response.status, response.json) == (504, GATEWAY_TIMEOUT)
    hang.set()


def _request_concurrently(gateway: Gateway, tokens: Iterable[str], target: str) -> list[int]:
    tokens = list(tokens)
    with ThreadPoolExecutor(len(tokens)) as threads:
        return sorted(threads.map(lambda t: gateway.request("GET", target, token=t).status, tokens))


def test_requests_of_an_account_to_a_hung_service_are_limited(
    gateway: Gateway, hang: threading.Event, chat: Upstream, token: str
) -> None:
    target = "/conversations?of=an_account"  # Requests of an earlier test may arrive late.
    statuses = _request_concurrently(gateway, [token] * 6, target)

    assert statuses == [429, 429, 504, 504, 504, 504]
    assert [each.path for each in chat.received].count(target) == 4
    hang.set()


def test_requests_of_an_address_to_a_hung_service_are_limited(
    gateway: Gateway, hang: threading.Event, chat: Upstream
) -> None:
    assert _request_concurrently(gateway, [""] * 6, "/media/a") == [429, 429, 504, 504, 504, 504]
    accounts = [issue(user_id) for user_id in range(14)]
    assert _request_concurrently(gateway, accounts, "/conversations") == [429] * 2 + [504] * 12
    hang.set()


def test_requests_to_a_hung_service_are_limited(
    environment: dict[str, str],
    start_gateway: StartGateway,
    hang: threading.Event,
    chat: Upstream,
) -> None:
    gateway = start_gateway({**environment, "TRUSTED_PROXIES": "1"})

    def request(number: int) -> WireResponse:
        address = f"X-Forwarded-For: 192.0.2.{number}"
        return gateway.request("GET", "/media/b", address)

    with ThreadPoolExecutor(18) as threads:
        responses = list(threads.map(request, range(18)))

    refused = [response for response in responses if response.status == 503]
    assert [(response.json, response.header("Retry-After")) for response in refused] == [
        (SERVICE_UNAVAILABLE, ["1"])
    ] * 2
    assert [each.path for each in chat.received].count("/media/b") == 16
    hang.set()


def test_a_hung_service_recovers(gateway: Gateway, hang: threading.Event, chat: Upstream) -> None:
    gateway.request("GET", "/media/a")
    hang.set()
    chat.reset()

    assert gateway.request("GET", "/media/a").status == 200


def test_a_connection_lost_before_the_response_is_503(gateway: Gateway, chat: Upstream) -> None:
    chat.handler = close_connection

    response = gateway.request("GET", "/media/a")

    assert (response.status, response.json) == (503, SERVICE_UNAVAILABLE)


@pytest.mark.parametrize(
    "lines",
    [
        ("SMTP ready",),
        (*OK, "Content-Length: 2", "Content-Length: 3"),
        (*OK, "Content-Length: 2", "Transfer-Encoding: chunked"),
        (*OK, *(f"X-{number}: {'x' * 1000}" for number in range(300))),
    ],
)
def test_an_invalid_response_is_503(
    gateway: Gateway, chat: Upstream, lines: tuple[str, ...]
) -> None:
    chat.handler = lambda exchange: exchange.send(*lines, body=b"ok")

    assert gateway.request("GET", "/media/a").json == SERVICE_UNAVAILABLE


def test_an_unexpected_response_is_not_forwarded(gateway: Gateway, chat: Upstream) -> None:
    second = b"okHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    chat.handler = lambda exchange: exchange.send(*OK, "Content-Length: 2", body=second)

    bodies = [gateway.request("GET", "/media/a").body for _ in range(3)]

    assert bodies == [b"ok"] * 3


@pytest.mark.parametrize(
    ("method", "body", "times"), [("GET", b"", 2), ("GET", b"{}", 1), ("POST", b"", 1)]
)
def test_only_a_get_without_a_body_is_retried(
    gateway: Gateway, chat: Upstream, token: str, method: str, body: bytes, times: int
) -> None:
    chat.handler = close_connection

    response = gateway.request(method, "/conversations", token=token, body=body)

    assert response.status == 503
    assert len(chat.received) == times


def test_a_closed_connection_of_the_pool_is_not_used_for_a_post(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    closed = threading.Semaphore(0)

    def respond_and_close(exchange: Exchange) -> None:
        exchange.echo()
        exchange.close_connection = True
        exchange.connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    chat.handler = respond_and_close
    for _ in range(10):
        assert gateway.request("POST", "/conversations", token=token).status == 200
        assert closed.acquire(timeout=TIMEOUT)


@pytest.mark.parametrize(
    "lines",
    [
        (*OK, "Content-Length: 100"),
        (*OK, "Transfer-Encoding: chunked"),
    ],
)
def test_an_aborted_response_is_aborted_for_the_client(
    gateway: Gateway, chat: Upstream, lines: tuple[str, ...]
) -> None:
    def stop_halfway(exchange: Exchange) -> None:
        body = b"x" * 50 if "Content-Length: 100" in lines else encode_chunk(b"x" * 50)
        exchange.send(*lines, body=body)
        exchange.close_connection = True

    chat.handler = stop_halfway
    with (
        gateway.open_request("GET", "/media/a") as response,
        response,
        pytest.raises((IncompleteRead, ConnectionResetError)),
    ):
        response.read()


def test_an_aborted_response_is_a_reset_for_clients_of_http_1_0(
    gateway: Gateway, chat: Upstream
) -> None:
    def stop_halfway(exchange: Exchange) -> None:
        exchange.send(*OK, "Transfer-Encoding: chunked", body=encode_chunk(b"x" * 50))
        exchange.close_connection = True

    chat.handler = stop_halfway
    with gateway.open_connection("GET /media/a HTTP/1.0") as connection:
        received = iter(lambda: connection.recv(1000), b"")
        with pytest.raises(ConnectionResetError):
            list(received)


def test_a_request_in_flight_is_finished_at_the_stop(
    environment: dict[str, str], chat: Upstream, start_gateway: StartGateway
) -> None:
    gateway = start_gateway(environment)
    arrived, stopping = threading.Event(), threading.Event()

    def wait(exchange: Exchange) -> None:
        arrived.set()
        assert stopping.wait(TIMEOUT)
        chat.echo(exchange)

    chat.handler = wait
    with gateway.open_connection("GET /media/a HTTP/1.1", "Host: x") as connection:
        assert arrived.wait(TIMEOUT)
        gateway.program.terminate()
        stopping.set()
        assert read_response(read_head(connection)).status == 200
    assert gateway.stop() == 0
