"""Every address of a service's name is a replica, whenever it came to be."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from gateway.tests.names import Names, name_server
from gateway.tests.upstreams import SECONDS, Upstream, running
from gateway.tests.wire import Gateway

StartGateway = Callable[[Mapping[str, str]], Gateway]


@pytest.fixture
def names() -> Iterator[Names]:
    with name_server() as names:
        yield names


@pytest.fixture
def replicas() -> Iterator[list[Upstream]]:
    """Two, on one port of two addresses."""
    with ExitStack() as stack:
        one = stack.enter_context(running("one", "127.0.0.2"))
        other = running("other", "127.0.0.3", urlsplit(one.url).port or 0)
        yield [one, stack.enter_context(other)]


@pytest.fixture
def gateway(
    environment: dict[str, str],
    names: Names,
    replicas: list[Upstream],
    start_gateway: StartGateway,
) -> Gateway:
    """A gateway that knows chat by a name."""
    url = f"http://chat-service:{urlsplit(replicas[0].url).port}"
    return start_gateway({**environment, **names.environment, "CHAT_SERVICE_URL": url})


def answering(gateway: Gateway) -> str:
    """Which replica answers."""
    name: str = gateway.ask("GET", "/media/a").json["service"]
    return name


def until(holds: Callable[[], bool]) -> None:
    """Look until a condition holds, for a bounded time."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_addresses_of_a_name_take_turns(gateway: Gateway, names: Names) -> None:
    names.addresses = ["127.0.0.2", "127.0.0.3"]

    answered = [answering(gateway) for _ in range(4)]

    assert sorted(answered) == ["one", "one", "other", "other"]


def test_replicas_come_and_go_with_the_addresses(gateway: Gateway, names: Names) -> None:
    names.addresses = ["127.0.0.2"]
    assert answering(gateway) == "one"

    names.addresses = ["127.0.0.3"]

    until(lambda: answering(gateway) == "other")
    assert answering(gateway) == "other"


def test_a_name_that_is_not_known_is_503_until_it_is(gateway: Gateway, names: Names) -> None:
    assert gateway.ask("GET", "/media/a").status == 503

    names.addresses = ["127.0.0.2"]

    assert answering(gateway) == "one"


def test_replicas_stay_while_nobody_knows_their_name(gateway: Gateway, names: Names) -> None:
    names.addresses = ["127.0.0.2"]
    assert answering(gateway) == "one"

    names.addresses = []

    until(lambda: answering(gateway) == "one" and "dns_lookup_failed" in "".join(gateway.log))
    assert answering(gateway) == "one"
