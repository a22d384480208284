"""Live delivery in several processes with Redis, and during an outage of Redis."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from flask import Flask
from sqlalchemy import delete

from chat_service.db import db, transaction
from chat_service.live.redis_bus import MAX_CONNECTIONS
from chat_service.models import Membership
from chat_service.tests.calls import list_messages, send_text
from chat_service.tests.factories import make_account, make_group
from chat_service.tests.live_server import (
    ROOT,
    TIMEOUT,
    LiveSocket,
    Server,
    ServerClient,
    delete_account,
    run_server,
    wait_for_delivery,
)
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.processes import environment_of_tests
from shared.testing.redis import RedisServer, redis_server


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def _replicas(
    redis: RedisServer, settings: dict[str, str], _app: Flask
) -> Iterator[tuple[Server, Server]]:
    with ExitStack() as stack:
        shared = settings | {"REDIS_URL": redis.url}
        one = stack.enter_context(run_server(shared))
        other = stack.enter_context(run_server(shared, "--workers", "2"))
        yield one, other


@pytest.fixture
def replica(app: Flask, _replicas: tuple[Server, Server]) -> Server:
    """A replica with one worker."""
    return _replicas[0]


@pytest.fixture
def other_replica(app: Flask, _replicas: tuple[Server, Server]) -> Server:
    """A replica with two workers."""
    return _replicas[1]


@pytest.fixture
def group(app: Flask) -> int:
    return make_group(app, ALICE, BOB, CAROL)


@pytest.fixture
def alice(replica: Server) -> ServerClient:
    """Alice, who uses the replica with one worker."""
    return ServerClient(replica, ALICE)


def test_frames_reach_sockets_of_every_process(
    replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    with ExitStack() as stack:
        # Enough sockets for every worker.
        sockets = [
            stack.enter_context(LiveSocket(at, BOB)) for at in (replica, *[other_replica] * 12)
        ]
        send_text(alice, group, "hello")

        received = [each.receive_frame()["message"]["content"] for each in sockets]
        assert received == ["hello"] * 13


def test_a_removal_in_one_process_is_applied_in_all_others(
    app: Flask, replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    with LiveSocket(other_replica, BOB) as bob:
        bob.receive_frames()
        alice.delete("/conversations/member/remove", json={"conversation_id": group, "user": BOB})
        send_text(alice, group, "without bob")

        assert bob.receive_frames(via=replica) == [{"type": "remove_members", "self": "false"}]


def test_deleting_an_account_closes_its_sockets_in_all_processes(
    replica: Server, other_replica: Server
) -> None:
    with LiveSocket(other_replica, CAROL) as carol:
        delete_account(replica, CAROL)

        assert carol.receive_close_code() == 4401


def test_missed_frames_are_replayed_once_by_any_process(
    replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    with LiveSocket(replica, BOB) as bob:
        bob.receive_frames()
        send_text(alice, group, "heard")
        assert [frame["type"] for frame in bob.receive_frames()] == ["notify"]
        bob.acknowledge()
    send_text(alice, group, "missed")
    send_text(alice, group, "missed, too")

    with bob.reconnect(other_replica) as again:
        received = [again.receive_frame()["message"]["content"] for _ in range(2)]
        send_text(alice, group, "here again")
        received.append(again.receive_frame()["message"]["content"])
        again.acknowledge()
    with bob.reconnect(replica) as once_more:
        assert once_more.receive_frames() == []
    assert received == ["missed", "missed, too", "here again"]


def test_frames_acknowledged_in_another_process_are_not_replayed(
    replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    with LiveSocket(other_replica, BOB) as staying:
        staying.receive_frames()
        with staying.reconnect(replica):
            pass
        send_text(alice, group, "hello")
        assert staying.receive_frame()["type"] == "notify"
        staying.acknowledge()
        wait_for_delivery(other_replica)  # The mark is stored in Redis before this event.

        with staying.reconnect(replica) as again:
            assert again.receive_frames() == []


def test_unacknowledged_frames_are_replayed_by_another_process(
    replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    with LiveSocket(other_replica, BOB) as silent:
        silent.receive_frames()
        silent.acknowledge()
        send_text(alice, group, "into the void")
        wait_for_delivery(replica)

        with silent.reconnect(replica) as again:
            assert again.receive_frame()["message"]["content"] == "into the void"


def test_a_restart_of_redis_fails_no_request_and_loses_no_frame(
    redis: RedisServer, replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    with LiveSocket(other_replica, BOB) as bob:
        bob.receive_frames()
        redis.kill()
        for number in range(3):
            send_text(alice, group, f"during the outage {number}")
        with LiveSocket(replica, CAROL) as newcomer:
            newcomer.wire.ping()
        redis.start()
        send_text(alice, group, "afterwards")

        received = [bob.receive_frame()["message"]["content"] for _ in range(4)]
    assert received == [*(f"during the outage {number}" for number in range(3)), "afterwards"]
    assert len(list_messages(alice, group)) == 4


def test_an_unreachable_redis_is_reported_and_the_service_remains_ready(
    redis: RedisServer, replica: Server
) -> None:
    wait_for_redis_state(replica, "ok")
    redis.kill()
    wait_for_redis_state(replica, "unreachable")
    ready = requests.get(f"http://{replica.address}/readyz", timeout=TIMEOUT)
    redis.start()
    wait_for_redis_state(replica, "ok")
    assert ready.status_code == 200


def test_an_outage_of_redis_is_logged_once(
    app: Flask, settings: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    with redis_server() as redis, run_server(settings | {"REDIS_URL": redis.url}) as server:
        redis.kill()
        wait_for_redis_state(server, "unreachable")
        log = capfd.readouterr().err
    assert log.count("redis_unreachable") == 1


def wait_for_redis_state(server: Server, state: str) -> None:
    """Wait until the health of a server contains this state of Redis."""
    url = f"http://{server.address}/healthz"
    deadline = time.monotonic() + TIMEOUT
    while requests.get(url, timeout=TIMEOUT).json()["parts"]["redis"] != state:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_no_frame_is_lost_if_a_clock_is_set_back_or_redis_loses_its_data(
    redis: RedisServer, replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    with LiveSocket(other_replica, BOB) as bob, redis.client() as client:
        seconds, _ = client.time()
        # As if the clock of Redis was an hour fast before.
        client.hset("ims:live:last", mapping={"moment": (seconds + 3600) * 1000, "number": 7})
        received = []
        for text in ("clock set back", "and on"):
            send_text(alice, group, text)
            received.append(bob.receive_frame()["message"]["content"])
            if text != "and on":
                bob.acknowledge()
        with bob.reconnect(replica) as again:
            received.append(again.receive_frame()["message"]["content"])
        redis.empty()
        send_text(alice, group, "memory lost")
        received.append(bob.receive_frame()["message"]["content"])
    assert received == ["clock set back", "and on", "and on", "memory lost"]


def test_a_message_and_the_read_position_that_it_moves_are_one_entry_of_two_events(
    redis: RedisServer, replica: Server, other_replica: Server, group: int, alice: ServerClient
) -> None:
    speaker = ServerClient(other_replica, BOB)
    with LiveSocket(replica, ALICE) as socket, redis.client() as client:
        for text in ("one", "two"):
            send_text(alice, group, text)
            socket.receive_frame()
        socket.acknowledge()
        before = client.xlen("ims:live:events")
        send_text(speaker, group, "three")
        live = [socket.receive_frame() for _ in range(2)]
        with socket.reconnect(other_replica) as again:
            replayed = [again.receive_frame() for _ in range(2)]
        assert client.xlen("ims:live:events") == before + 1
    assert [frame["type"] for frame in live] == ["notify", "already_read"]
    assert replayed == live


def test_frames_in_redis_expire(
    redis: RedisServer, replica: Server, group: int, alice: ServerClient
) -> None:
    with LiveSocket(replica, BOB) as bob, redis.client() as client:
        send_text(alice, group, "secret")
        bob.receive_frame()

        assert 0 < client.pttl("ims:live:events") <= 20_000
        assert all(client.ttl(key) > 0 for key in client.keys("ims:live:session:*"))


def test_a_member_removed_during_an_outage_of_redis_gets_no_more_frames(
    app: Flask,
    redis: RedisServer,
    replica: Server,
    other_replica: Server,
    group: int,
    alice: ServerClient,
) -> None:
    with LiveSocket(other_replica, BOB) as bob, LiveSocket(other_replica, CAROL) as carol:
        bob.receive_frames()
        carol.receive_frames()
        redis.kill()
        with app.app_context(), transaction():  # Without an event.
            db.session.execute(delete(Membership).where(Membership.user_id == BOB))
        send_text(alice, group, "without bob")
        redis.start()

        assert carol.receive_frame()["message"]["content"] == "without bob"
        assert bob.receive_frames(via=replica) == []


def test_many_closing_sockets_need_few_connections_to_redis(
    app: Flask, redis: RedisServer, replica: Server
) -> None:
    [worker] = psutil.Process(replica.program.pid).children()
    redis_port = urlsplit(redis.url).port

    def connections() -> int:
        peers = [each.raddr for each in worker.net_connections("tcp") if each.raddr]
        return [peer.port for peer in peers].count(redis_port)

    crowd = range(9_000, 9_000 + 3 * MAX_CONNECTIONS)
    for number in crowd:
        make_account(app, number, f"User {number}")
    sockets = [LiveSocket(replica, number) for number in crowd]
    counted = [connections()]
    with redis.frozen():
        for each in sockets:
            each.wire.shutdown()
        deadline = time.monotonic() + TIMEOUT
        while counted[-1] >= max(counted):  # Until the first connection attempt times out.
            counted.append(connections())
            assert time.monotonic() < deadline

    assert max(counted) <= MAX_CONNECTIONS + 2  # The reader, and the rate limits.


@pytest.mark.parametrize(
    ("options", "concurrency"),
    [
        pytest.param(("--workers", "2"), "1", id="option"),
        pytest.param((), "2", id="variable", marks=pytest.mark.slow),
    ],
)
def test_several_workers_without_redis_refuse_to_start(
    settings: dict[str, str], options: tuple[str, ...], concurrency: str
) -> None:
    command = (sys.executable, "-m", "gunicorn", "-c", "python:shared.server.gunicorn_conf")
    done = subprocess.run(
        (*command, "--bind", "127.0.0.1:0", *options, "chat_service.app:create_app()"),
        cwd=ROOT,
        env={
            **environment_of_tests(),
            **settings,
            "REDIS_URL": "",
            "WEB_CONCURRENCY": concurrency,
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode != 0
    assert "WEB_CONCURRENCY: 2 workers need REDIS_URL" in done.stderr
