"""A service that is down, slow or broken is answered for in bounded time, and harms no other."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import pytest

from gateway.tests.conftest import free_port
from gateway.tests.upstreams import Exchange, Upstream, break_off, hang_until
from gateway.tests.wire import SECONDS, Answer, Gateway, answer_on, chunk, whole
from shared.testing.tokens import issue

StartGateway = Callable[[Mapping[str, str]], Gateway]

SERVICE_UNAVAILABLE = {"code": -503, "info": "Service unavailable"}
TIMEOUT = {"code": -504, "info": "Service unavailable"}
OK = ("HTTP/1.1 200 OK", "Content-Type: text/plain")


@pytest.fixture
def hang(chat: Upstream) -> threading.Event:
    """The chat service answers nothing until this is set."""
    released = threading.Event()
    chat.answer = hang_until(released)
    return released


def _without_chat(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "CHAT_SERVICE_URL": f"http://127.0.0.1:{free_port()}"}


def test_a_service_that_is_down_is_503_and_the_others_work(
    environment: dict[str, str], start_gateway: StartGateway, social: Upstream, token: str
) -> None:
    gateway = start_gateway(_without_chat(environment))

    answer = gateway.ask("POST", "/conversations", token=token, body=b"{}")

    assert (answer.status, answer.json) == (503, SERVICE_UNAVAILABLE)
    assert gateway.ask("GET", "/friends", token=token).status == 200


def test_a_silent_service_is_504_in_time_and_the_others_work(
    gateway: Gateway, hang: threading.Event, token: str
) -> None:
    begun = time.monotonic()
    answer = gateway.ask("GET", "/conversations", token=token)
    took = time.monotonic() - begun

    assert (answer.status, answer.json) == (504, TIMEOUT)
    assert took < 3
    assert gateway.ask("GET", "/friends", token=token).status == 200
    hang.set()


def test_a_service_that_does_not_read_is_504(
    gateway: Gateway, hang: threading.Event, token: str
) -> None:
    answer = gateway.ask("POST", "/conversations/image", token=token, body=b"x" * 1_000_000)

    assert (answer.status, answer.json) == (504, TIMEOUT)
    hang.set()


def _ask_at_once(gateway: Gateway, tokens: Iterable[str], target: str) -> list[int]:
    asked = list(tokens)
    with ThreadPoolExecutor(len(asked)) as threads:
        return sorted(threads.map(lambda t: gateway.ask("GET", target, token=t).status, asked))


def test_only_so_many_requests_of_an_account_wait_for_a_hung_service(
    gateway: Gateway, hang: threading.Event, chat: Upstream, token: str
) -> None:
    statuses = _ask_at_once(gateway, [token] * 6, "/conversations")

    assert statuses == [429, 429, 504, 504, 504, 504]
    assert len(chat.received) == 4
    hang.set()


def test_only_so_many_requests_of_an_address_wait_for_a_hung_service(
    gateway: Gateway, hang: threading.Event, chat: Upstream
) -> None:
    assert _ask_at_once(gateway, [""] * 6, "/media/a") == [429, 429, 504, 504, 504, 504]
    accounts = [issue(user_id) for user_id in range(14)]
    assert _ask_at_once(gateway, accounts, "/conversations") == [429] * 2 + [504] * 12
    hang.set()


def test_only_so_many_requests_wait_for_a_hung_service(
    environment: dict[str, str],
    start_gateway: StartGateway,
    hang: threading.Event,
    chat: Upstream,
) -> None:
    gateway = start_gateway({**environment, "TRUSTED_PROXIES": "1"})

    def ask(number: int) -> Answer:
        address = f"X-Forwarded-For: 192.0.2.{number}"
        return gateway.ask("GET", "/media/a", address)

    with ThreadPoolExecutor(18) as threads:
        answers = list(threads.map(ask, range(18)))

    refused = [answer for answer in answers if answer.status == 503]
    assert [(answer.json, answer.header("Retry-After")) for answer in refused] == [
        (SERVICE_UNAVAILABLE, ["1"])
    ] * 2
    assert len(chat.received) == 16
    hang.set()


def test_a_hung_service_recovers(gateway: Gateway, hang: threading.Event, chat: Upstream) -> None:
    gateway.ask("GET", "/media/a")
    hang.set()
    chat.forget()

    assert gateway.ask("GET", "/media/a").status == 200


def test_a_connection_that_breaks_before_the_answer_is_503(
    gateway: Gateway, chat: Upstream
) -> None:
    chat.answer = break_off

    answer = gateway.ask("GET", "/media/a")

    assert (answer.status, answer.json) == (503, SERVICE_UNAVAILABLE)


@pytest.mark.parametrize(
    "lines",
    [
        ("SMTP ready",),
        (*OK, "Content-Length: 2", "Content-Length: 3"),
        (*OK, "Content-Length: 2", "Transfer-Encoding: chunked"),
        (*OK, *(f"X-{number}: {'x' * 1000}" for number in range(300))),
    ],
)
def test_nonsense_from_a_service_is_503(
    gateway: Gateway, chat: Upstream, lines: tuple[str, ...]
) -> None:
    chat.answer = lambda got: got.send(*lines, body=b"ok")

    assert gateway.ask("GET", "/media/a").json == SERVICE_UNAVAILABLE


def test_an_answer_that_nobody_asked_for_reaches_nobody(gateway: Gateway, chat: Upstream) -> None:
    second = b"okHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    chat.answer = lambda got: got.send(*OK, "Content-Length: 2", body=second)

    bodies = [gateway.ask("GET", "/media/a").body for _ in range(3)]

    assert bodies == [b"ok"] * 3


@pytest.mark.parametrize(
    ("method", "body", "times"), [("GET", b"", 2), ("GET", b"{}", 1), ("POST", b"", 1)]
)
def test_only_a_plain_read_is_sent_twice(
    gateway: Gateway, chat: Upstream, token: str, method: str, body: bytes, times: int
) -> None:
    chat.answer = break_off

    answer = gateway.ask(method, "/conversations", token=token, body=body)

    assert answer.status == 503
    assert len(chat.received) == times


def test_a_closed_connection_of_the_pool_is_not_used_for_a_post(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    closed = threading.Semaphore(0)

    def answer_and_close(got: Exchange) -> None:
        got.echo_back()
        got.close_connection = True
        got.connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    chat.answer = answer_and_close
    for _ in range(10):
        assert gateway.ask("POST", "/conversations", token=token).status == 200
        assert closed.acquire(timeout=SECONDS)


@pytest.mark.parametrize(
    "lines",
    [
        (*OK, "Content-Length: 100"),
        (*OK, "Transfer-Encoding: chunked"),
    ],
)
def test_an_answer_that_breaks_off_breaks_off_for_the_client(
    gateway: Gateway, chat: Upstream, lines: tuple[str, ...]
) -> None:
    def stop_halfway(got: Exchange) -> None:
        body = b"x" * 50 if "Content-Length: 100" in lines else chunk(b"x" * 50)
        got.send(*lines, body=body)
        got.close_connection = True

    chat.answer = stop_halfway
    with (
        gateway.asking("GET", "/media/a") as response,
        response,
        pytest.raises((IncompleteRead, ConnectionResetError)),
    ):
        response.read()


def test_an_answer_that_breaks_off_looks_complete_to_no_old_client(
    gateway: Gateway, chat: Upstream
) -> None:
    def stop_halfway(got: Exchange) -> None:
        got.send(*OK, "Transfer-Encoding: chunked", body=chunk(b"x" * 50))
        got.close_connection = True

    chat.answer = stop_halfway
    with gateway.saying("GET /media/a HTTP/1.0") as connection:
        received = iter(lambda: connection.recv(1000), b"")
        with pytest.raises(ConnectionResetError):
            list(received)


def test_a_request_in_flight_is_finished_at_the_stop(
    environment: dict[str, str], chat: Upstream, start_gateway: StartGateway
) -> None:
    gateway = start_gateway(environment)
    arrived, stopping = threading.Event(), threading.Event()

    def wait(got: Exchange) -> None:
        arrived.set()
        assert stopping.wait(SECONDS)
        chat.echo(got)

    chat.answer = wait
    with gateway.saying("GET /media/a HTTP/1.1", "Host: x") as connection:
        assert arrived.wait(SECONDS)
        gateway.program.terminate()
        stopping.set()
        assert whole(answer_on(connection)).status == 200
    assert gateway.stop() == 0
