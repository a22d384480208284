"""Every alert fires in a real Prometheus on the fault of its runbook, and clears."""

import logging
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from ims_client import Arrived, Disconnected, Live, UnreachableError

from deploy.programs import PROGRAMS
from deploy.tests.containers.conftest import Installation, is_ready, until
from deploy.tests.containers.engine import CommandError, Engine
from deploy.tests.containers.test_containers import COMPOSE
from tests.chaos.trial import running
from tests.client import PASSWORD, ApiClient
from tests.factories import befriend, make_group, make_user, unused_email

log = logging.getLogger(__name__)

pytestmark = pytest.mark.timeout(600)

STOPPED = {
    "gateway": {"TargetMissing"},  # Its name is gone with its container.
    "postgres": {"DatabaseErrors", "HighErrorRate"},
    "social_service": {"OutboxBacklog", "UpstreamErrors"},
    "redis": {"RedisUnreachable"},
}
HUNG = {"TargetDown", "HighLatency", "UpstreamErrors"}
LOCKED = {"DatabasePoolExhausted"}
GUESSED = {"LoginFailures"}
DROPPED = {"WebSocketDrop"}
UNREAD = {"SlowWebSockets"}
PROVOKED = set().union(*STOPPED.values()) | HUNG | LOCKED | GUESSED | DROPPED | UNREAD
"""The alerts that fire here."""

QUERY = "docker compose exec prometheus promtool query instant http://127.0.0.1:9090 up"
"""The command of the runbook of TargetMissing."""
PSQL = "docker compose exec -T postgres psql --dbname chat --tuples-only"
WHO_BLOCKS = b"""
SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid IN
    (SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity);
"""

WEBSOCKETS = 20
LONGEST_TEXT = "史" * 255

Action = Callable[[], object]


def shorten(folder: Path) -> None:
    """Shorten the intervals of Prometheus, so that alerts fire within seconds."""
    for name in ("prometheus.yml", "alerts.yml"):
        text = (folder / name).read_text()
        text = re.sub(r"interval: 15s", "interval: 1s", text)
        text = re.sub(r"for: \d+m", "for: 2s", text)
        text = re.sub(r"_age_seconds\) > \d+", "_age_seconds) > 3", text)
        text = re.sub(r"offset 10m\) > \d+", "offset 10m) > 9", text)
        text = re.sub(r"offset \d+m", "offset 20s", text)
        (folder / name).write_text(re.sub(r"\[\d+m\]", "[10s]", text))


def query(engine: Engine, expression: str) -> str:
    """Query Prometheus."""
    command = QUERY.replace(" exec ", " exec -T ").removesuffix("up")
    return engine.run(f"{command} '{expression}'")


def holds(engine: Engine, expression: str) -> bool:
    """Whether a query has a result."""
    return "=>" in query(engine, expression)


def number(engine: Engine, expression: str) -> int:
    """Query Prometheus for one number."""
    [value] = re.findall(r"=> (\d+)", query(engine, expression))
    return int(value)


def targets_up(engine: Engine) -> set[str]:
    return {*re.findall(r'job="(\w+)"', query(engine, "up == 1"))}


def firing(engine: Engine) -> set[str]:
    return {*re.findall(r'alertname="(\w+)"', query(engine, 'ALERTS{alertstate="firing"}'))}


def assert_alerts_fire_and_clear(
    product: Installation,
    alerts: set[str],
    fault: AbstractContextManager[object],
    act: Action,
    logged: dict[str, str],
) -> None:
    """Check that alerts fire during a fault, and clear after it.

    Args:
        product: the product.
        alerts: their names.
        fault: lasts as long as its block.
        act: what users do meanwhile.
        logged: the word of the runbook in the log of a service.
    """
    fired = set()

    def all_have_fired() -> bool:
        act()
        fired.update(firing(product.engine))
        return alerts <= fired

    with fault:
        until(all_have_fired, f"{alerts} fire")
    until(lambda: is_ready(f"{product.base_url}/healthz"), "everything is there again")
    until(lambda: not alerts & firing(product.engine), f"{alerts} clear")
    for service, word in logged.items():
        product.engine.run(f"docker compose logs --since 5m {service} | grep --quiet {word}")


@contextmanager
def without(product: Installation, service: str) -> Iterator[None]:
    """One service is stopped."""
    product.engine.run(f"docker compose stop {service}")
    try:
        yield
    finally:
        product.engine.run(f"docker compose start {service}")


@contextmanager
def polling(product: Installation) -> Iterator[None]:
    """Forty users list their conversations all the time, and ignore errors."""
    stopped = threading.Event()

    def poll(person: ApiClient) -> None:
        while not stopped.is_set():
            with suppress(AssertionError, UnreachableError):
                person.get("/conversations")

    people = [make_user(product.base_url) for _ in range(40)]
    with running([threading.Thread(target=poll, args=[each]) for each in people], end=stopped.set):
        yield


@contextmanager
def hanging(product: Installation, service: str) -> Iterator[None]:
    """One service accepts connections, and does no more."""
    with polling(product):
        product.engine.run(f"docker compose pause {service}")
        try:
            yield
        finally:
            product.engine.run(f"docker compose unpause {service}")


@contextmanager
def locked(product: Installation) -> Iterator[None]:
    """A transaction that lasts too long locks a table of chat."""

    def hold() -> None:
        with suppress(CommandError):
            product.engine.run(PSQL, given=b"BEGIN; LOCK TABLE memberships; SELECT pg_sleep(300);")

    with polling(product):
        holder = threading.Thread(target=hold)
        with running([holder], end=partial(end_blocking_session, product)):
            yield


def end_blocking_session(product: Installation) -> None:
    """Find the session that others wait for, and end it."""
    for pid in {*product.engine.run(PSQL, given=WHO_BLOCKS).split()}:
        product.engine.run(PSQL, given=b"SELECT pg_terminate_backend(%s);" % pid.encode())


@contextmanager
def listening(product: Installation) -> Iterator[None]:
    """Many clients have a websocket, and reconnect by themselves."""
    ann = make_user(product.base_url, "Ann")
    clients = [Live(ann) for _ in range(WEBSOCKETS)]

    def close() -> None:
        for client in clients:
            client.close()

    threads = [threading.Thread(target=deque(maxlen=0).extend, args=[each]) for each in clients]
    with running(threads, end=close):
        yield


@contextmanager
def unread(product: Installation, person: ApiClient) -> Iterator[None]:
    """A user has many websockets, and reads none of them."""
    for_gateway = "$(docker inspect --format '{{.State.Pid}}' $(docker compose ps --quiet gateway))"
    for process in ("1", for_gateway):  # The sockets of Docker's proxy, and of the gateway.
        product.engine.run(
            f"nsenter --target {process} --net sysctl --write net.ipv4.tcp_wmem='4096 16384 65536'",
            as_root=True,
        )
    request = (
        f"GET /ws/?token={person.token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(socket.socket())) for _ in range(WEBSOCKETS)]
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", 8000))
            connection.sendall(request.encode())
        yield


@pytest.fixture(scope="module")
def observed(product: Installation) -> Installation:
    """The product, with Prometheus beside it."""
    shorten(product.engine.checkout / "deploy" / "observe")
    [line] = [line for line in COMPOSE.commands if "observed" in line]
    product.engine.run(line)
    until(lambda: targets_up(product.engine) == {*PROGRAMS}, "every program is scraped")
    return product


def wait() -> None:
    """Other threads send requests."""


def use_everything(person: ApiClient) -> None:
    """Send requests that need every service, and ignore their errors."""
    for _ in range(5):
        with suppress(AssertionError, UnreachableError):
            make_user(person.base_url)
        with suppress(AssertionError, UnreachableError):
            person.get("/friends")


@pytest.mark.parametrize(
    ("service", "logged"),
    [
        ("gateway", {}),
        ("postgres", {"auth_service": "database_unavailable"}),
        ("social_service", {"auth_service": "event_delivery_failed", "gateway": "service_failed"}),
        ("redis", {"chat_service": "redis_unreachable"}),
    ],
)
def test_what_a_stopped_service_causes(
    service: str, logged: dict[str, str], observed: Installation
) -> None:
    ann = make_user(observed.base_url, "Ann")

    assert_alerts_fire_and_clear(
        observed,
        STOPPED[service],
        without(observed, service),
        partial(use_everything, ann),
        logged,
    )


def test_what_a_service_that_hangs_causes(observed: Installation) -> None:
    assert_alerts_fire_and_clear(
        observed, HUNG, hanging(observed, "chat_service"), wait, {"gateway": "read_timeout"}
    )


def test_what_a_lock_that_is_held_for_long_causes(observed: Installation) -> None:
    assert_alerts_fire_and_clear(observed, LOCKED, locked(observed), wait, {})


def test_what_guessing_passwords_causes(observed: Installation) -> None:
    visitor = ApiClient(observed.base_url)

    def guess() -> None:
        for _ in range(5):  # The limit of an address lets a hundred fail in a minute.
            visitor.post("/account/login", email=unused_email(), password=PASSWORD)

    assert_alerts_fire_and_clear(
        observed, GUESSED, ExitStack(), guess, {"auth_service": "sign_in_failed"}
    )


def test_what_the_exit_of_all_chat_replicas_causes(observed: Installation) -> None:
    engine = observed.engine
    all_open = f"sum(ims_websockets) >= {WEBSOCKETS}"

    with listening(observed):
        until(partial(holds, engine, all_open), "clients are connected")
        until(partial(holds, engine, all_open.replace(")", " offset 20s)")), "for a while")
        assert_alerts_fire_and_clear(
            observed,
            DROPPED,
            without(observed, "chat_service"),
            lambda: engine.run("docker compose ps -a | grep --quiet 'chat_service.*Exited'"),
            {},
        )
        until(partial(holds, engine, all_open), "clients have reconnected", seconds=60)


def test_what_clients_that_do_not_read_cause(observed: Installation) -> None:
    ann, bob, carol = (make_user(observed.base_url, name) for name in ("Ann", "Bob", "Carol"))
    befriend(ann, bob, carol)
    group = make_group(ann, bob, carol)
    sent: list[int] = []
    closed_before = closed_for_slowness(observed.engine)

    def send() -> None:
        sent.extend(ann.send_text(group, LONGEST_TEXT).message_id for _ in range(100))

    with reading(carol, group) as (arrived, lost):
        assert_alerts_fire_and_clear(observed, UNREAD, unread(observed, bob), send, {})
        until(lambda: arrived == sent, "Carol has all messages")
    log.info("%s messages were sent", len(sent))
    assert lost == []
    assert closed_before < closed_for_slowness(observed.engine) <= closed_before + WEBSOCKETS
    assert holds(observed.engine, "increase(ims_slow_sockets_closed_total[5m]) > 0")
    with reading(bob, group) as (arrived, _):
        until(lambda: arrived == sent, "Bob has all messages")


@contextmanager
def reading(person: ApiClient, conversation_id: int) -> Iterator[tuple[list[int], list[str]]]:
    """A client follows a conversation from its beginning.

    Yields:
        two growing lists: the ids of messages that have arrived, and why connections were lost.
    """
    arrived: list[int] = []
    lost: list[str] = []

    def read(live: Live) -> None:
        for event in live:
            if isinstance(event, Arrived):
                arrived.append(event.message.id)
            elif isinstance(event, Disconnected):
                lost.append(event.reason)

    with (
        Live(person, {conversation_id: 0}) as live,
        running([threading.Thread(target=read, args=[live])], end=live.close),
    ):
        yield arrived, lost


def closed_for_slowness(engine: Engine) -> int:
    """Count the websockets that the running chat service has closed for slowness."""
    return number(engine, "sum(ims_slow_sockets_closed_total)")
