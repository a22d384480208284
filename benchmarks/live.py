"""Live delivery under load: one group, and a socket of every member through the gateway.

It starts the product by itself on a new data folder, and makes people, friendships and the
group through the API, which takes a minute or two for a thousand. CPU is given in units of H,
what a bare Flask "hello" costs under the same server on the same machine: ratios hold where
absolute values do not. Let nothing else run meanwhile.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

import psutil
import requests

from benchmarks.listeners import Listeners
from tests.people import Person, befriend, conversations, make_group, newcomer
from tests.product import Product, running

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PROGRAMS = ("gateway", "chat_service")
SENDERS = 4
KB = 1024

T = TypeVar("T")


def main() -> None:
    """Measure, print a table, and keep the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument(
        "--sockets", type=int, default=1000, help="members of the group (%(default)s)"
    )
    parser.add_argument("--messages", type=int, default=200, help="of each part (%(default)s)")
    wanted = parser.parse_args()
    load_before = os.getloadavg()[0]
    say("Measuring H ...")
    hello = cpu_of_hello()
    with (
        tempfile.TemporaryDirectory(prefix="ims-benchmark-") as folder,
        running(Path(folder) / "data", LOG_LEVEL="WARNING") as product,
    ):
        figures = measure(product, wanted.sockets, wanted.messages, hello)
    figures = {
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load before": round(load_before, 2),
        "sockets": wanted.sockets,
        "messages": wanted.messages,
        **figures,
    }
    for name, value in figures.items():
        say(f"{name:>44}  {value}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "live.json").write_text(json.dumps(figures, indent=2) + "\n")


def measure(product: Product, sockets: int, messages: int, hello: float) -> dict[str, Any]:
    """The figures of one running product."""
    people = crowd(product.base_url, sockets)
    group = make_group(people[0], *people[1:], name="Everybody")
    # Memory that making them has left free would hide what the sockets take.
    product.stop()
    product.start()
    for each in people[:100]:
        conversations(each)
    memory_before = memory_of(product)
    say("Opening sockets ...")
    with Listeners(("127.0.0.1", product.port), [str(each.token) for each in people]) as listeners:
        memory = {name: used - memory_before[name] for name, used in memory_of(product).items()}
        numbers = count(1)
        warm_up = [next(numbers) for _ in range(10)]
        send_one_by_one(listeners, people[0], group, warm_up)
        say("Sending one message after another ...")
        one_by_one = [next(numbers) for _ in range(messages)]
        cpu_before = cpu_of(product)
        sent, told = send_one_by_one(listeners, people[0], group, one_by_one)
        cpu = {name: used - cpu_before[name] for name, used in cpu_of(product).items()}
        say(f"Sending as fast as {SENDERS} senders can ...")
        at_once = [next(numbers) for _ in range(messages)]
        began, told_at_once = send_at_once(listeners, people[:SENDERS], group, at_once)
    last = [1000 * (told[number][-1] - sent[number]) for number in one_by_one]
    single = [1000 * (at - sent[number]) for number in one_by_one for at in told[number]]
    ended = max(moments[-1] for moments in told_at_once.values())
    deliveries = sockets * messages
    return {
        "send to last delivery, p50 (ms)": percentile(last, 50),
        "send to last delivery, p99 (ms)": percentile(last, 99),
        "send to a delivery, p50 (ms)": percentile(single, 50),
        "send to a delivery, p99 (ms)": percentile(single, 99),
        "deliveries per second, as fast as it goes": round(deliveries / (ended - began)),
        "H, a bare Flask hello (ms CPU)": round(1000 * hello, 3),
        **{
            f"CPU per delivery, {name} (H)": round(cpu[name] / deliveries / hello, 3)
            for name in PROGRAMS
        },
        **{
            f"CPU per delivery, {name} (µs)": round(1e6 * cpu[name] / deliveries, 1)
            for name in PROGRAMS
        },
        **{
            f"memory per socket, {name} (KB)": round(memory[name] / sockets / KB, 1)
            for name in PROGRAMS
        },
        "memory per socket, both (KB)": round(sum(memory.values()) / sockets / KB, 1),
    }


def crowd(base_url: str, size: int) -> list[Person]:
    """People who are all friends of the first."""
    with ThreadPoolExecutor(8) as pool:
        names = (f"Person{number}" for number in range(size))
        people = list(
            progress("Registering people", size, pool.map(lambda n: newcomer(base_url, n), names))
        )
        first, *others = people
        # Each takes a connection of their own, so that the first may accept many at once.
        befriended = pool.map(lambda other: befriend(again(first), other), others)
        list(progress("Making friends", size - 1, befriended))
    return people


def again(person: Person) -> Person:
    """The same person with a connection of their own."""
    copy = Person(person.base_url, person.name, person.email)
    copy.token, copy.id = person.token, person.id
    return copy


def send_one_by_one(
    listeners: Listeners, sender: Person, group: int, numbers: Sequence[int]
) -> tuple[dict[int, float], dict[int, list[float]]]:
    """Send each message when the one before has reached everybody: when sent, when told."""
    sent: dict[int, float] = {}
    told: dict[int, list[float]] = {}
    for number in numbers:
        listeners.expect([number])
        sent[number] = time.monotonic()
        send(sender, group, number)
        told |= listeners.deliveries()
    return sent, told


def send_at_once(
    listeners: Listeners, senders: Sequence[Person], group: int, numbers: Sequence[int]
) -> tuple[float, dict[int, list[float]]]:
    """Send messages without waiting for their delivery: when it began, when they were told."""
    listeners.expect(numbers)
    began = time.monotonic()
    with ThreadPoolExecutor(len(senders)) as pool:
        shares = [numbers[each :: len(senders)] for each in range(len(senders))]
        list(pool.map(lambda sender, share: send_all(sender, group, share), senders, shares))
    return began, listeners.deliveries()


def send_all(sender: Person, group: int, numbers: Iterable[int]) -> None:
    """Send messages one after another."""
    for number in numbers:
        send(sender, group, number)


def send(sender: Person, group: int, number: int) -> None:
    """Send a message that the listeners recognize."""
    fields = {"conversationId": group, "content": f"message {number}"}
    reply = sender.post("/conversations/messages", **fields)
    assert reply.status == 200, reply


def cpu_of_hello(requests_sent: int = 3000) -> float:
    """Seconds of CPU that a request to a bare Flask program takes."""
    command = (sys.executable, "-m", "gunicorn", "-c", "python:shared.gunicorn_conf")
    with running_hello(*command, "--bind", "127.0.0.1:0", "benchmarks.hello:app") as (process, url):
        session = requests.Session()
        for _ in range(100):
            session.get(url)
        before = seconds_of(process.children())
        for _ in range(requests_sent):
            session.get(url)
        return (seconds_of(process.children()) - before) / requests_sent


@contextmanager
def running_hello(*command: str) -> Iterator[tuple[psutil.Process, str]]:
    """A bare Flask program under the server of the product, and its URL."""
    with subprocess.Popen(command, cwd=ROOT) as server:
        try:
            yield psutil.Process(server.pid), listening_url(psutil.Process(server.pid))
        finally:
            server.terminate()


def listening_url(server: psutil.Process, seconds: float = 20) -> str:
    """Where a server listens that chose its port by itself, once it answers there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for connection in server.net_connections("tcp"):
            url = f"http://127.0.0.1:{connection.laddr[1]}"
            try:
                requests.get(url, timeout=1)
            except requests.RequestException:
                continue
            return url
        time.sleep(0.05)
    raise TimeoutError("The bare Flask program does not start.")


def cpu_of(product: Product) -> dict[str, float]:
    """Seconds of CPU that the programs have taken so far."""
    return {name: seconds_of(product.processes(name)) for name in PROGRAMS}


def seconds_of(processes: Iterable[psutil.Process]) -> float:
    """Seconds of CPU that processes have taken so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def memory_of(product: Product) -> dict[str, int]:
    """Bytes that belong to the programs alone."""
    return {
        name: sum(process.memory_full_info().uss for process in product.processes(name))
        for name in PROGRAMS
    }


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of all do not exceed."""
    return round(quantiles(values, n=100)[percent - 1], 1)


def progress(what: str, size: int, steps: Iterable[T]) -> Iterator[T]:
    """Pass steps on, and say how far they are."""
    for number, step in enumerate(steps, 1):
        if number % 100 == 0 or number == size:
            say(f"{what} ... {number} of {size}")
        yield step


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
