"""The replicas of a service take turns, but for those that fail, hang or leave."""

import threading
from collections.abc import Callable, Mapping

import pytest

from gateway.tests.conftest import free_port
from gateway.tests.test_names import answering, until
from gateway.tests.upstreams import SECONDS, Exchange, Upstream, break_off, hang_until, refuse
from gateway.tests.wire import Gateway

StartGateway = Callable[[Mapping[str, str]], Gateway]


@pytest.fixture
def gateway(
    environment: dict[str, str], services: dict[str, Upstream], start_gateway: StartGateway
) -> Gateway:
    """A gateway for which the servers of auth and chat are two replicas of chat."""
    replicas = f"{services['auth'].url},{services['chat'].url}"
    return start_gateway({**environment, "CHAT_SERVICE_URL": replicas})


def test_replicas_take_turns(gateway: Gateway) -> None:
    answered = [answering(gateway) for _ in range(4)]

    assert sorted(answered) == ["auth", "auth", "chat", "chat"]


def test_a_replica_that_is_down_is_passed_over(
    environment: dict[str, str], chat: Upstream, start_gateway: StartGateway, token: str
) -> None:
    replicas = f"http://127.0.0.1:{free_port()},{chat.url}"
    gateway = start_gateway({**environment, "CHAT_SERVICE_URL": replicas})

    statuses = [gateway.ask("POST", "/conversations", token=token).status for _ in range(6)]

    assert statuses == [200] * 6


def test_what_can_be_repeated_is_answered_by_another_replica_than_one_that_dies(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    chat.answer = break_off

    read = [gateway.ask("GET", "/media/a").status for _ in range(4)]
    written = [gateway.ask("POST", "/conversations", token=token).status for _ in range(4)]

    assert read == [200] * 4
    assert sorted(written) == [200, 200, 503, 503]


def test_a_replica_that_hangs_is_left_alone_until_it_answers_again(
    gateway: Gateway, chat: Upstream
) -> None:
    released = threading.Event()
    chat.answer = hang_until(released)

    statuses = [gateway.ask("GET", "/media/a").status for _ in range(8)]

    assert sorted(statuses) == [200] * 7 + [504]
    released.set()
    chat.answer = chat.echo
    until(lambda: answering(gateway) == "chat")


def test_while_a_replica_has_a_request_to_answer_the_other_gets_the_next(
    gateway: Gateway, services: dict[str, Upstream]
) -> None:
    arrived, released = threading.Event(), threading.Event()

    def wait(got: Exchange) -> None:
        arrived.set()
        assert released.wait(SECONDS)
        got.echo_back()

    for service in services.values():
        service.answer = wait
    waiting = threading.Thread(target=gateway.ask, args=["GET", "/media/a"])
    waiting.start()
    assert arrived.wait(SECONDS)
    [busy] = [name for name, service in services.items() if service.received]
    for service in services.values():
        service.answer = service.echo

    answered = [answering(gateway) for _ in range(4)]

    released.set()
    waiting.join()
    assert busy not in answered


def test_a_replica_that_is_leaving_gets_nothing_more_until_it_is_back(
    gateway: Gateway, chat: Upstream
) -> None:
    def answer_for_the_last_time(got: Exchange) -> None:
        got.send_json({"service": "chat"}, "Connection: close")
        got.close_connection = True

    chat.answer = answer_for_the_last_time
    until(lambda: answering(gateway) == "chat")

    assert [answering(gateway) for _ in range(4)] == ["auth"] * 4
    chat.answer = chat.echo
    until(lambda: answering(gateway) == "chat")


def test_a_replica_that_lives_but_is_not_ready_gets_nothing_more_until_it_is(
    gateway: Gateway, chat: Upstream
) -> None:
    chat.answer = lambda got: chat.echo(got) if got.path == "/livez" else refuse(got)

    statuses = [gateway.ask("GET", "/media/a").status for _ in range(20)]
    until(lambda: gateway.ask("GET", "/media/a").status == 200 and _is_asked(chat, "/readyz"))

    assert sorted(statuses) == [200] * 17 + [503] * 3
    assert [answering(gateway) for _ in range(4)] == ["auth"] * 4
    chat.answer = chat.echo
    until(lambda: answering(gateway) == "chat")


def test_a_replica_that_refuses_websockets_only_gets_no_more_of_them(
    gateway: Gateway, chat: Upstream, auth: Upstream, token: str
) -> None:
    auth.answer = lambda got: got.send("HTTP/1.1 403 Forbidden", "Content-Length: 0")
    chat.answer = refuse
    target, upgrade = f"/ws/?token={token}", ("Connection: Upgrade", "Upgrade: websocket")

    statuses = [gateway.ask("GET", target, *upgrade).status for _ in range(20)]

    assert sorted(statuses) == [403] * 17 + [503] * 3


def test_replicas_none_of_which_is_ready_go_on_taking_turns(
    gateway: Gateway, services: dict[str, Upstream]
) -> None:
    replicas = [services["auth"], services["chat"]]
    for replica in replicas:
        replica.answer = refuse

    statuses = [gateway.ask("GET", "/media/a").status for _ in range(20)]

    assert statuses == [503] * 20
    assert [sum(got.path == "/media/a" for got in each.received) for each in replicas] == [10, 10]


def test_a_replica_that_is_only_busy_goes_on_taking_turns(gateway: Gateway, chat: Upstream) -> None:
    chat.answer = lambda got: refuse(got, "Retry-After: 1")

    statuses = [gateway.ask("GET", "/media/a").status for _ in range(20)]

    assert sorted(statuses) == [200] * 10 + [503] * 10


def _is_asked(replica: Upstream, path: str) -> bool:
    return path in [got.path for got in replica.received]
