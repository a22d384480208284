"""Measure the floor: ``python -m benchmarks.floor``.

It is what a request takes in two bare Flask programs, of which the first forwards to the second,
which reads one row. The product cannot take less.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from sqlalchemy import create_engine, text

from benchmarks.deployment import COLUMNS, SQLITE, Baseline, running_baseline
from benchmarks.load import LoadGenerator, request
from shared.testing.postgres import postgres_server

_CLIENTS = 16
_REQUESTS = 500
_ROUNDS = 15


def main() -> None:
    """Measure both databases, and print the medians of the rounds in H."""
    with LoadGenerator() as load, running_baseline() as hello:
        for column in COLUMNS:
            with _database(column) as url, _programs(url) as programs:
                rounds = [_measure(load, hello, programs) for _ in range(_ROUNDS)]
            gateway, service = (median(each) for each in zip(*rounds, strict=True))
            sys.stdout.write(f"{column:10} gateway {gateway:.2f} H, service {service:.2f} H\n")


@contextmanager
def _database(column: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ims-floor-") as folder:
        if column == SQLITE:
            yield _with_account(f"sqlite:///{Path(folder) / 'floor.db'}")
        else:
            with postgres_server() as server:
                yield _with_account(server.create_database("floor"))


def _with_account(url: str) -> str:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE accounts (id bigint PRIMARY KEY, name text, email text)")
        )
        connection.execute(text("INSERT INTO accounts VALUES (1, 'Alice', 'alice@example.com')"))
    engine.dispose()
    return url


@contextmanager
def _programs(url: str) -> Iterator[list[Baseline]]:
    with running_baseline("benchmarks.bare:service", BARE_DATABASE_URL=url) as service:
        address = "{}:{}".format(*service.address)
        settings = {"BARE_DATABASE_URL": url, "BARE_SERVICE": address}
        with running_baseline("benchmarks.bare:gateway", **settings) as gateway:
            yield [gateway, service]


def _measure(load: LoadGenerator, hello: Baseline, programs: list[Baseline]) -> list[float]:
    """Get the processor time of each program for a request, in H."""
    gateway = programs[0]
    before = hello.seconds()
    load.send(hello.address, [request("GET", "/")] * _REQUESTS, _CLIENTS)
    hello_seconds = hello.seconds() - before
    clocks = [program.seconds() for program in programs]
    outcome = load.send(
        gateway.address, [request("GET", "/account/info", "t" * 300)] * _REQUESTS, _CLIENTS
    )
    assert not outcome.errors
    return [
        (program.seconds() - clock) / hello_seconds
        for program, clock in zip(programs, clocks, strict=True)
    ]


if __name__ == "__main__":
    main()
