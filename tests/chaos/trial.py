"""A trial: users and faults for some time, then a check of the state."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.chaos import checker, faults
from tests.chaos.arena import arena
from tests.chaos.asking import Reachable
from tests.chaos.record import Record
from tests.chaos.town import Town, settle
from tests.cluster import Cluster


class Trial(NamedTuple):
    """A product after all faults.

    Attributes:
        cluster: the product.
        town: its users.
        record: the acknowledged responses.
        faults: the number of times of each fault.
    """

    cluster: Cluster
    town: Town
    record: Record
    faults: Counter[str]

    def violations(self) -> list[str]:
        """List all violations."""
        return [
            *checker.broken_words(self.cluster, self.record, self.town),
            *checker.broken_promises(self.cluster),
        ]


@contextmanager
def tried(folder: Path, column: str, seconds: float, seed: int) -> Iterator[Trial]:
    """Do a trial; the product goes on running as long as the block lasts.

    Must be called in the main thread, whose children the programs are.

    Args:
        folder: for data, logs, and the record.
        column: one of `arena.COLUMNS`.
        seconds: how long faults happen.
        seed: decides what people do, and what happens to them.
    """
    stopped = threading.Event()
    with (
        closing(Record(folder / "acknowledged.jsonl")) as record,
        arena(folder, column) as place,
    ):
        town = settle(place.cluster, record, seed, stopped)
        processes = faults.Lane(faults.to_processes(place), f"{seed} processes", stopped)
        wires = faults.Lane(faults.to_wires(place), f"{seed} wires", stopped)
        with running(town.start_followers(), end=town.stop_followers):
            others = [threading.Timer(seconds, stopped.set), threading.Thread(target=wires.run)]
            with running([*others, *town.lives()], end=stopped.set):
                processes.run()
            for replica in place.cluster.all():
                replica.wait_until_ready()
            checker.wait_for_events(place.cluster)
            town.ends(record)
        yield Trial(place.cluster, town, record, processes.dealt + wires.dealt)


@contextmanager
def used(product: Reachable, folder: Path) -> Iterator[tuple[Record, Town]]:
    """Run simulated users during the block, and then send the last message of each conversation.

    Args:
        product: ready at the end of the block.
        folder: for the record.
    """
    stopped = threading.Event()
    with closing(Record(folder / "acknowledged.jsonl")) as record:
        town = settle(product, record, 1, stopped)
        with running(town.start_followers(), end=town.stop_followers):
            with running(town.lives(), end=stopped.set):
                yield record, town
            town.ends(record)


@contextmanager
def running(threads: list[threading.Thread], end: Callable[[], None]) -> Iterator[None]:
    """Let them run as long as the block lasts, and until ``end`` has ended them."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end()
        for thread in threads:
            thread.join()
