"""Detect memory leaks: ``python -m benchmarks.soak``, or ``make soak``.

The product runs on PostgreSQL and Redis under every kind of request, while websockets come and go.
After each round, the resources of each worker are sampled: private memory (USS), open files and
connections.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import mean

from benchmarks.__main__ import echo
from benchmarks.deployment import MB, POSTGRES, PROGRAMS, Deployment, deploy
from benchmarks.listeners import Listeners
from benchmarks.load import LoadGenerator
from benchmarks.plots import plot_soak
from benchmarks.report import RESULTS
from benchmarks.scenarios import QUICK, scenarios
from benchmarks.world import Seeder, World

_CLIENTS = 16
_OF_EACH_KIND = 30
_SOCKETS = 100
_SECONDS_BETWEEN_SAMPLES = 10.0

MEMORY, DESCRIPTORS = "memory of its own, MB", "open files and connections"
_GROWTH_ALLOWED = {MEMORY: 5.0, DESCRIPTORS: 10.0}

Sample = dict[str, float]


def main() -> None:
    """Run, print the growth, and save the samples. Status 1: growth or a failed request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (%(default)g)")
    minutes = parser.parse_args().minutes
    with (
        tempfile.TemporaryDirectory(prefix="ims-soak-") as folder,
        LoadGenerator() as load,
        deploy(POSTGRES, Path(folder)) as deployment,
    ):
        world = Seeder(load, deployment.address, echo).world(QUICK)
        request_count, failed, samples = soak(deployment, load, world, minutes)
    grown = {name: growth(series) for name, series in samples.items()}
    for name, by in grown.items():
        echo(f"{name:>8}  " + ", ".join(f"{what}: {much:+.1f}" for what, much in by.items()))
    echo(f"{request_count} requests, {len(failed)} failed: {failed[:10]}")
    figures = {
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "minutes": minutes,
        "requests": request_count,
        "failed": len(failed),
        "growth from the second quarter to the last": grown,
        "samples": samples,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "soak.json").write_text(json.dumps(figures, indent=1) + "\n")
    plot_soak(samples, RESULTS / "soak.svg")
    leaks = any(by[what] > _GROWTH_ALLOWED[what] for by in grown.values() for what in by)
    sys.exit(1 if leaks or failed else 0)


def soak(
    deployment: Deployment, load: LoadGenerator, world: World, minutes: float
) -> tuple[int, list[bytes], dict[str, list[Sample]]]:
    """Put the product under load; the number of requests, the error responses, and the samples."""
    kinds = [scenario.requests(world) for scenario in scenarios(QUICK)]
    tokens = [person.token for person in world.people[:_SOCKETS]]
    samples: dict[str, list[Sample]] = {name: [] for name in PROGRAMS}
    request_count = 0
    failed: list[bytes] = []
    began = time.monotonic()
    while (passed := time.monotonic() - began) < 60 * minutes:
        with Listeners(deployment.address, tokens):
            while time.monotonic() - began < passed + _SECONDS_BETWEEN_SAMPLES:
                batch = [request for kind in kinds for request in islice(kind, _OF_EACH_KIND)]
                answers = load.send(deployment.address, batch, _CLIENTS, with_bodies=True).bodies
                failed += [answer for answer in answers if b'"code":0' not in answer]
                request_count += len(batch)
        for name, series in samples.items():
            series.append(sample(deployment, name, minute=(time.monotonic() - began) / 60))
        now = ", ".join(f"{name} {series[-1][MEMORY]:.1f}" for name, series in samples.items())
        echo(f"  {samples['chat'][-1]['minute']:4.1f} min: {now} MB")
    return request_count, failed, samples


def sample(deployment: Deployment, name: str, minute: float) -> Sample:
    """Sample the resources of the worker of a program."""
    _, worker, *_ = deployment.processes(name)
    return {
        "minute": round(minute, 2),
        MEMORY: round(worker.memory_full_info().uss / MB, 2),
        DESCRIPTORS: worker.num_fds(),
    }


def growth(samples: Sequence[Sample]) -> Sample:
    """The growth from the second quarter, when caches are full, to the last."""
    quarter = max(1, len(samples) // 4)
    return {
        what: round(
            mean(sample[what] for sample in samples[-quarter:])
            - mean(sample[what] for sample in samples[quarter : 2 * quarter] or samples[:1]),
            2,
        )
        for what in _GROWTH_ALLOWED
    }


if __name__ == "__main__":
    main()
