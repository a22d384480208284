"""Incomplete requests take no resources from other clients."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import psutil
import pytest

from tests.attacks.wire import Door, head
from tests.client import ApiClient

MIB = 1024 * 1024
KIB = 1024

# Not the address of the other tests, whose connections would have to make room.
HOSTILE_ADDRESS = "127.0.6.6"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("unfinished"),
    pytest.mark.timeout(180),
]


@contextmanager
def begun(door: Door, count: int, beginning: bytes) -> Iterator[None]:
    """So many connections of one client on which the same was begun."""
    with ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(closing(door.connect(HOSTILE_ADDRESS)))
            with suppress(ConnectionError):  # It may have been refused meanwhile.
                connection.sendall(beginning)
        yield


def bytes_of_gateway(door: Door) -> int:
    """Memory of the gateway's processes."""
    address = door.url.removeprefix("http://")
    return sum(
        process.info["memory_info"].rss
        for process in psutil.process_iter(["cmdline", "memory_info"])
        if {address, "gateway.app:create_app()"} <= set(process.info["cmdline"] or ())
    )


@pytest.mark.parametrize("length", [60_000, 65_600])
@pytest.mark.parametrize("path", ["/account/login", "/csrf"])
def test_slow_bodies_without_a_token_take_no_place_at_a_service(
    doors: dict[str, Door], alice: ApiClient, path: str, length: int
) -> None:
    """A body takes no place before it is there, and has 64 KiB without a token."""
    beginning = head(f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}")
    with begun(doors["gateway"], 220, beginning + b"x" * 59_000):
        for path in ("/account/info", "/friends", "/conversations"):
            assert alice.get(path).status == 200


def test_slow_bodies_with_a_token_hold_no_database_connection(
    doors: dict[str, Door], alice: ApiClient
) -> None:
    """A request that waits for its body has given its database connection back (of 16)."""
    service = doors["social_service"]
    beginning = head("POST /groups HTTP/1.1", "Host: x", f"Authorization: {alice.token}",
                     "Content-Length: 60000")  # fmt: skip
    with begun(service, 40, beginning + b"x"):
        assert ApiClient(service.url, token=alice.token).get("/groups").status == 200


def test_unfinished_heads_use_little_memory_and_delay_no_user(
    doors: dict[str, Door], alice: ApiClient
) -> None:
    """A head has 32 KiB."""
    gateway = doors["gateway"]
    before = bytes_of_gateway(gateway)
    assert before
    lines = [f"X-{number}: {'x' * 8000}" for number in range(97)]
    with begun(gateway, 100, head("GET /livez HTTP/1.1", *lines)[:-2]):
        assert alice.get("/friends").status == 200
        assert bytes_of_gateway(gateway) - before < 100 * 64 * KIB + 16 * MIB


def test_idle_connections_block_no_user(doors: dict[str, Door], alice: ApiClient) -> None:
    """A worker keeps 1,000 waiting connections of an address; the oldest makes room."""
    with begun(doors["gateway"], 1_500, b""):
        assert alice.get("/friends").status == 200
