"""Faults of processes, servers and connections, in an order that depends on a seed."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple

import psutil

from shared.testing.postgres import PostgresServer
from shared.testing.redis import RedisServer
from tests.chaos.arena import Arena
from tests.cluster import Replica

_SHORTEST, _LONGEST = 0.2, 2.5  # Seconds of a fault, and of the pause after it.
_LATE = 0.3


class Fault(NamedTuple):
    """A fault that lasts until the block ends."""

    name: str
    inflicted: Callable[[], AbstractContextManager[None]]


class Lane:
    """Causes one fault after another, with an order and pauses that depend on the seed.

    Attributes:
        dealt: the number of times of each fault.
    """

    def __init__(self, faults: Iterable[Fault], seed: str, stopped: threading.Event) -> None:
        self.dealt: Counter[str] = Counter()
        self._faults = list(faults)
        self._random = random.Random(seed)
        self._stopped = stopped

    def run(self) -> None:
        """Cause faults until stopped; afterwards there is no fault."""
        while True:
            self._random.shuffle(self._faults)
            for fault in self._faults:
                if self._stopped.wait(self._random.uniform(_SHORTEST, _LONGEST) / 2):
                    return
                self.dealt[fault.name] += 1
                with fault.inflicted():
                    self._stopped.wait(self._random.uniform(_SHORTEST, _LONGEST))


def to_processes(arena: Arena) -> Iterator[Fault]:
    """Yield the faults of programs and servers."""
    for replica in arena.cluster.all():
        program = replica.name.partition("-")[0]
        yield Fault(f"kill -9 {program}", partial(_killed, replica))
        yield Fault(f"kill -9 a worker of {program}", partial(_without_workers, replica))
        yield Fault(f"restart {program}", partial(_restarted, replica))
        yield Fault(f"freeze {program}", replica.frozen)
    for name, server in (("postgres", arena.postgres), ("redis", arena.redis)):
        if server:
            yield Fault(f"kill -9 {name}", partial(_killed, server))
            yield Fault(f"freeze {name}", server.frozen)


def to_wires(arena: Arena) -> Iterator[Fault]:
    """Yield the faults of connections."""
    for wire in arena.wires:
        yield Fault(f"cut {wire.name}", wire.cut)
        yield Fault(f"stop up {wire.name}", wire.stopped_up)
        yield Fault(f"slow down {wire.name}", partial(wire.slow, _LATE))


@contextmanager
def _killed(victim: Replica | PostgresServer | RedisServer) -> Iterator[None]:
    victim.kill()
    try:
        yield
    finally:
        victim.start()


@contextmanager
def _without_workers(replica: Replica) -> Iterator[None]:
    for worker in replica.workers():
        worker.kill()
    yield
    replica.wait_until_ready()


@contextmanager
def _restarted(replica: Replica) -> Iterator[None]:
    yield
    try:
        replica.stop()
    except psutil.TimeoutExpired:  # What it waits for is frozen.
        replica.kill()
    replica.start()
