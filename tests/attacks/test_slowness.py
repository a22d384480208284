"""Slow clients are disconnected, and other users do not wait."""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO

import psutil
import pytest
from PIL import Image

from tests.attacks.conftest import doors_of
from tests.attacks.wire import SECONDS, Door, everything, head, statuses
from tests.client import ApiClient
from tests.factories import befriend, list_contents, make_group, make_user
from tests.product import Product

PAUSE = 0.05

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("impatient"),  # These tests share a product.
    pytest.mark.timeout(180),  # The first test waits for its start.
]


@pytest.fixture(params=["gateway", "social_service"])
def door(request: pytest.FixtureRequest, impatient: Product) -> Door:
    return doors_of(impatient.base_url, impatient.data_dir)[request.param]


@pytest.fixture(scope="module")
def alice(impatient: Product) -> ApiClient:
    return make_user(impatient.base_url, "Alice")


@contextmanager
def _dripping(door: Door, beginning: bytes) -> Iterator[socket.socket]:
    """Open a connection that continues a request byte by byte forever."""
    with closing(door.connect()) as connection:
        connection.sendall(beginning)
        yield connection


def _drip_until_answered(connection: socket.socket, drop: bytes) -> bytes:
    """Continue a request byte by byte, and return the response."""
    connection.settimeout(PAUSE)
    received = b""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            connection.sendall(drop)
            block = connection.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return received
        if not block:
            return received
        received += block
    raise AssertionError("it is still listening")


def test_a_head_that_never_ends_is_cut_off(door: Door) -> None:
    with _dripping(door, b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ") as connection:
        assert _drip_until_answered(connection, b"x") == b""


def test_a_body_that_never_ends_is_given_up(door: Door, alice: ApiClient) -> None:
    begun = head("POST /groups HTTP/1.1", "Host: x", f"Authorization: {alice.token}",
                 "Content-Length: 60000", "Connection: close")  # fmt: skip
    with _dripping(door, begun) as connection:
        answer = _drip_until_answered(connection, b" ")

    assert statuses(answer) == [408]
    assert b'{"code":-408,"info":"Request timeout"}' in answer


def test_a_connection_on_which_nothing_is_said_is_closed(door: Door) -> None:
    with closing(door.connect()) as connection:
        assert everything(connection) == b""


def test_hundreds_of_slow_connections_delay_no_user(door: Door, alice: ApiClient) -> None:
    slow = [door.connect() for _ in range(300)]
    for connection in slow:
        connection.sendall(b"POST /groups HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    began = time.monotonic()

    assert ApiClient(door.url, token=alice.token).get("/groups").status == 200

    assert time.monotonic() - began < SECONDS / 4
    for connection in slow:
        connection.close()


def test_an_unread_response_is_aborted(impatient: Product, alice: ApiClient) -> None:
    bob = make_user(impatient.base_url, "Bob")
    befriend(alice, bob)
    group = make_group(alice, bob)
    noise = Image.frombytes("RGB", (1200, 1200), random.Random(1).randbytes(1200 * 1200 * 3))
    png = BytesIO()
    noise.save(png, "PNG", compress_level=0)
    files = {"image": png.getvalue()}
    alice.call("POST", "/conversations/image", data={"conversationId": group}, files=files).result()
    [url] = list_contents(alice, group)
    request_head = head(f"GET {url.removeprefix(impatient.base_url)} HTTP/1.1", "Host: x")

    with closing(Door(impatient.base_url).connect()) as connection:
        connection.sendall(request_head * 10)
        port = connection.getsockname()[1]
        deadline = time.monotonic() + SECONDS
        while _is_served(impatient, port):
            assert time.monotonic() < deadline
            time.sleep(PAUSE)


def _is_served(product: Product, port: int) -> bool:
    """Whether the gateway still has the connection from this port."""
    return any(
        connection.raddr and connection.raddr.port == port
        for process in product.processes("gateway")
        for connection in psutil.Process(process.pid).net_connections("tcp")
    )
