"""Balancing over the replicas of a service, and ejection of failing ones."""

import threading
from collections.abc import Callable, Mapping

import pytest
from prometheus_client import REGISTRY

from gateway.app import create_app
from gateway.tests.conftest import free_port
from gateway.tests.test_names import get_replica_name, wait_until
from gateway.tests.upstreams import (
    TIMEOUT,
    Exchange,
    Upstream,
    close_connection,
    hang_until,
    refuse,
)
from gateway.tests.wire import Gateway

StartGateway = Callable[[Mapping[str, str]], Gateway]


@pytest.fixture
def gateway(
    environment: dict[str, str], services: dict[str, Upstream], start_gateway: StartGateway
) -> Gateway:
    """A gateway for which the servers of auth and chat are two replicas of chat."""
    replicas = f"{services['auth'].url},{services['chat'].url}"
    return start_gateway({**environment, "CHAT_SERVICE_URL": replicas})


def test_requests_are_balanced_over_replicas(gateway: Gateway) -> None:
    replica_names = [get_replica_name(gateway) for _ in range(4)]

    assert sorted(replica_names) == ["auth", "auth", "chat", "chat"]


def test_a_replica_that_is_down_is_skipped(
    environment: dict[str, str], chat: Upstream, start_gateway: StartGateway, token: str
) -> None:
    replicas = f"http://127.0.0.1:{free_port()},{chat.url}"
    gateway = start_gateway({**environment, "CHAT_SERVICE_URL": replicas})

    statuses = [gateway.request("POST", "/conversations", token=token).status for _ in range(6)]

    assert statuses == [200] * 6


def test_retryable_requests_of_a_failing_replica_succeed_on_another(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    chat.handler = close_connection

    read = [gateway.request("GET", "/media/a").status for _ in range(4)]
    written = [gateway.request("POST", "/conversations", token=token).status for _ in range(4)]

    assert read == [200] * 4
    assert sorted(written) == [200, 200, 503, 503]


@pytest.mark.parametrize(
    ("down_count", "up_count", "retries"), [(1, 0, 0), (2, 0, 1), (1, 1, 1), (0, 2, 0)]
)
def test_only_retries_that_happen_are_counted(
    environment: dict[str, str],
    services: dict[str, Upstream],
    down_count: int,
    up_count: int,
    retries: int,
) -> None:
    down = [f"http://127.0.0.1:{free_port()}" for _ in range(down_count)]
    up = [services["auth"].url, services["chat"].url][:up_count]
    urls = {"CHAT_SERVICE_URL": ",".join(down + up)}
    client = create_app(environment | urls).test_client()
    before = _count_retries()

    client.get("/media/a")

    assert _count_retries() - before == retries


def _count_retries() -> float:
    return REGISTRY.get_sample_value("ims_upstream_retries_total") or 0


def test_a_replica_that_hangs_is_ejected_until_it_responds(
    gateway: Gateway, chat: Upstream
) -> None:
    released = threading.Event()
    chat.handler = hang_until(released)

    statuses = [gateway.request("GET", "/media/a").status for _ in range(8)]

    assert sorted(statuses) == [200] * 7 + [504]
    released.set()
    chat.handler = chat.echo
    wait_until(lambda: get_replica_name(gateway) == "chat")


def test_a_busy_replica_gets_no_request_while_another_is_idle(
    gateway: Gateway, services: dict[str, Upstream]
) -> None:
    arrived, released = threading.Event(), threading.Event()

    def wait(exchange: Exchange) -> None:
        arrived.set()
        assert released.wait(TIMEOUT)
        exchange.echo()

    for service in services.values():
        service.handler = wait
    waiting = threading.Thread(target=gateway.request, args=["GET", "/media/a"])
    waiting.start()
    assert arrived.wait(TIMEOUT)
    [busy] = [name for name, service in services.items() if service.received]
    for service in services.values():
        service.handler = service.echo

    replica_names = [get_replica_name(gateway) for _ in range(4)]

    released.set()
    waiting.join()
    assert busy not in replica_names


def test_a_replica_that_shuts_down_is_ejected_until_it_is_ready(
    gateway: Gateway, chat: Upstream
) -> None:
    def respond_and_close(exchange: Exchange) -> None:
        exchange.send_json({"service": "chat"}, "Connection: close")
        exchange.close_connection = True

    chat.handler = respond_and_close
    wait_until(lambda: get_replica_name(gateway) == "chat")

    assert [get_replica_name(gateway) for _ in range(4)] == ["auth"] * 4
    chat.handler = chat.echo
    wait_until(lambda: get_replica_name(gateway) == "chat")


def test_a_replica_that_is_not_ready_is_ejected_until_it_is(
    gateway: Gateway, chat: Upstream
) -> None:
    chat.handler = lambda exchange: (
        chat.echo(exchange) if exchange.path == "/livez" else refuse(exchange)
    )

    statuses = [gateway.request("GET", "/media/a").status for _ in range(20)]
    wait_until(lambda: gateway.request("GET", "/media/a").status == 200 and chat.was_probed)

    assert sorted(statuses) == [200] * 17 + [503] * 3
    assert [get_replica_name(gateway) for _ in range(4)] == ["auth"] * 4
    chat.handler = chat.echo
    wait_until(lambda: get_replica_name(gateway) == "chat")


def test_a_replica_that_refuses_websockets_is_ejected(
    gateway: Gateway, chat: Upstream, auth: Upstream, token: str
) -> None:
    auth.handler = lambda exchange: exchange.send("HTTP/1.1 403 Forbidden", "Content-Length: 0")
    chat.handler = refuse
    target, upgrade = f"/ws/?token={token}", ("Connection: Upgrade", "Upgrade: websocket")

    statuses = [gateway.request("GET", target, *upgrade).status for _ in range(20)]

    assert sorted(statuses) == [403] * 17 + [503] * 3


def test_requests_are_balanced_if_no_replica_is_ready(
    gateway: Gateway, services: dict[str, Upstream]
) -> None:
    replicas = [services["auth"], services["chat"]]
    for replica in replicas:
        replica.handler = refuse

    statuses = [gateway.request("GET", "/media/a").status for _ in range(20)]

    assert statuses == [503] * 20
    assert [
        sum(exchange.path == "/media/a" for exchange in each.received) for each in replicas
    ] == [10, 10]


def test_an_overloaded_replica_is_not_ejected(gateway: Gateway, chat: Upstream) -> None:
    chat.handler = lambda exchange: refuse(exchange, "Retry-After: 1")

    statuses = [gateway.request("GET", "/media/a").status for _ in range(20)]

    assert sorted(statuses) == [200] * 10 + [503] * 10
