"""Every address of a service's host name is a replica."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from gateway.tests.name_server import NameServer, run_name_server
from gateway.tests.upstreams import TIMEOUT, Upstream, run_upstream
from gateway.tests.wire import Gateway

StartGateway = Callable[[Mapping[str, str]], Gateway]


@pytest.fixture
def names() -> Iterator[NameServer]:
    with run_name_server() as names:
        yield names


@pytest.fixture
def replicas() -> Iterator[list[Upstream]]:
    """Two replicas on one port of two addresses."""
    with ExitStack() as stack:
        one = stack.enter_context(run_upstream("one", "127.0.0.2"))
        other = run_upstream("other", "127.0.0.3", urlsplit(one.url).port or 0)
        yield [one, stack.enter_context(other)]


@pytest.fixture
def gateway(
    environment: dict[str, str],
    names: NameServer,
    replicas: list[Upstream],
    start_gateway: StartGateway,
) -> Gateway:
    """A gateway with a host name in the URL of chat."""
    url = f"http://chat-service:{urlsplit(replicas[0].url).port}"
    return start_gateway({**environment, **names.environment, "CHAT_SERVICE_URL": url})


def get_replica_name(gateway: Gateway) -> str:
    """Get the name of the replica that responds."""
    name: str = gateway.request("GET", "/media/a").json["service"]
    return name


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_requests_are_balanced_over_the_addresses_of_a_name(
    gateway: Gateway, names: NameServer
) -> None:
    names.addresses = ["127.0.0.2", "127.0.0.3"]

    replica_names = [get_replica_name(gateway) for _ in range(4)]

    assert sorted(replica_names) == ["one", "one", "other", "other"]


def test_replicas_follow_the_addresses_of_a_name(gateway: Gateway, names: NameServer) -> None:
    names.addresses = ["127.0.0.2"]
    assert get_replica_name(gateway) == "one"

    names.addresses = ["127.0.0.3"]

    wait_until(lambda: get_replica_name(gateway) == "other")
    assert get_replica_name(gateway) == "other"


def test_an_unknown_name_is_503_until_it_has_an_address(
    gateway: Gateway, names: NameServer
) -> None:
    assert gateway.request("GET", "/media/a").status == 503

    names.addresses = ["127.0.0.2"]

    assert get_replica_name(gateway) == "one"


def test_replicas_remain_while_their_name_is_unknown(gateway: Gateway, names: NameServer) -> None:
    names.addresses = ["127.0.0.2"]
    assert get_replica_name(gateway) == "one"

    names.addresses = []

    wait_until(
        lambda: get_replica_name(gateway) == "one" and "dns_lookup_failed" in "".join(gateway.log)
    )
    assert get_replica_name(gateway) == "one"
