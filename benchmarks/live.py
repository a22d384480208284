"""Live delivery: one group, and a websocket of every member through the gateway."""

import time
from collections.abc import Sequence
from itertools import count
from statistics import median, quantiles
from typing import Any

from benchmarks.deployment import Deployment, used_between
from benchmarks.listeners import Listeners
from benchmarks.load import LoadGenerator, request
from benchmarks.world import Participant, World, send_request

SENDERS = 4
WARM_UP = 10
KB = 1024
TAKING_PART = ("gateway", "chat")


def live_figures(
    deployment: Deployment, load: LoadGenerator, world: World, messages: int
) -> dict[str, Any]:
    """Measure the delivery of messages to the largest group, through a fresh product.

    Processor time of a delivery is that of the whole send, divided by its deliveries. Memory is
    what belongs to the workers alone, without the kernel's buffers.
    """
    size, places = max(world.groups.items())
    members = world.people[:size]
    # Memory that the filling has left free would hide what the sockets take.
    deployment.product.stop()
    deployment.product.start()
    lists = [request("GET", "/conversations", each.token) for each in members[:100]]
    load.send(deployment.address, lists, SENDERS)
    memory_before = _memory(deployment)
    with Listeners(deployment.address, [each.token for each in members]) as listeners:
        memory = {name: used - memory_before[name] for name, used in _memory(deployment).items()}
        delivery = _Delivery(deployment, load, listeners)
        numbers = count(1)
        delivery.one_by_one(places[0], [next(numbers) for _ in range(WARM_UP)])
        before = deployment.clocks()
        latencies = delivery.one_by_one(places[0], [next(numbers) for _ in range(messages)])
        used = used_between(before, deployment.clocks())
        seconds = delivery.at_once(places, [next(numbers) for _ in range(messages)])
    deliveries = size * messages
    last = [each[-1] for each in latencies]
    every = [moment for each in latencies for moment in each]
    return {
        "sockets": size,
        "messages": messages,
        "deliveries_per_second": round(deliveries / seconds),
        "p50": median(every),
        "p99": quantiles(every, n=100)[98],
        "last_p50": median(last),
        "cpu_us": {part: 1e6 * seconds / deliveries for part, seconds in used.items()},
        "kb_per_socket": {name: bytes_ / size / KB for name, bytes_ in memory.items()},
    }


def _memory(deployment: Deployment) -> dict[str, int]:
    return {
        name: sum(process.memory_full_info().uss for process in deployment.processes(name))
        for name in TAKING_PART
    }


class _Delivery:
    def __init__(self, deployment: Deployment, load: LoadGenerator, listeners: Listeners) -> None:
        self._deployment = deployment
        self._load = load
        self._listeners = listeners

    def one_by_one(self, place: Participant, numbers: Sequence[int]) -> list[list[float]]:
        """Send each message after all sockets have received the previous one.

        Returns:
            for each message, the milliseconds until each socket had it, in order.
        """
        latencies = []
        for number in numbers:
            self._listeners.expect([number])
            began = time.monotonic()
            self._send([place], [number])
            received = self._listeners.deliveries()[number]
            latencies.append([1000 * (moment - began) for moment in received])
        return latencies

    def at_once(self, places: Sequence[Participant], numbers: Sequence[int]) -> float:
        """Send without waiting, and measure the seconds until all sockets have all messages."""
        self._listeners.expect(numbers)
        began = time.monotonic()
        self._send(places[:SENDERS], numbers)
        received = self._listeners.deliveries()
        return max(moments[-1] for moments in received.values()) - began

    def _send(self, places: Sequence[Participant], numbers: Sequence[int]) -> None:
        requests = [
            send_request(places[number % len(places)], f"message {number}") for number in numbers
        ]
        outcome = self._load.send(self._deployment.address, requests, len(places))
        if outcome.errors:
            raise RuntimeError(f"{outcome.errors} messages were refused")
