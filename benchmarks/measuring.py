"""Measure scenarios: rounds of requests, each with a round of bare Flask requests."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median, quantiles
from typing import Any

from benchmarks.deployment import PARTS, PROGRAMS, Deployment, Usage, used_between
from benchmarks.load import LoadGenerator, Outcome, request
from benchmarks.scenarios import Scenario
from benchmarks.world import World

_HELLO = request("GET", "/")
_HELLOS = 400
_FEWEST = 8


@dataclass(frozen=True)
class Pace:
    """How long each scenario is measured.

    Attributes:
        clients: the numbers of clients.
        warm_up: the number of requests before the first round.
        rounds: the number of rounds.
        seconds: per round.
    """

    clients: tuple[int, ...]
    warm_up: int
    rounds: int
    seconds: float


MANY = 16
"""The number of clients that targets are about."""
QUICK_PACE, FULL_PACE = Pace((MANY,), 32, 2, 0.35), Pace((1, MANY), 100, 3, 0.8)


@dataclass(frozen=True)
class Figures:
    """The result of one scenario with a number of clients.

    Processor time is the median of the rounds; H is that of a bare Flask request just before.

    Attributes:
        column: of the deployment.
        name: of the scenario.
        size: of the scenario.
        clients: connections that asked at the same time.
        requests: how many were measured.
        errors: how many were not answered with 200.
        per_second: requests answered in a second.
        p50: milliseconds that half of the requests took at most.
        p99: the same of 99 %.
        cpu_ms: milliseconds of processor time per request, by part.
        h: the same in H.
        hello_ms: one H.
        received: bytes of an answer, with its head.
        peak_mb: resident memory of the largest worker at its largest.
        load_busy: share of one core that the source of load took.
    """

    column: str
    name: str
    size: int | None
    clients: int
    requests: int
    errors: int
    per_second: float
    p50: float
    p99: float
    cpu_ms: Usage
    h: Usage
    hello_ms: float
    received: int
    peak_mb: float
    load_busy: float

    @property
    def application_h(self) -> float:
        """Gateway and services together, without the database and Redis."""
        return sum(self.h[program] for program in PROGRAMS)

    def as_json(self) -> dict[str, Any]:
        """It as it is kept."""
        return asdict(self)


class Measuring:
    """Measures scenarios in a running product.

    Args:
        column: its name in the figures.
        deployment: what runs.
        load: what sends the requests.
        pace: for how long.
    """

    def __init__(
        self, column: str, deployment: Deployment, load: LoadGenerator, pace: Pace
    ) -> None:
        self._column = column
        self._deployment = deployment
        self._load = load
        self._pace = pace

    def figures(self, scenario: Scenario, world: World, clients: int) -> Figures:
        """What ``scenario`` takes with so many clients."""
        requests = scenario.requests(world)
        warm_up = self._send(requests, max(self._pace.warm_up, clients), clients)
        per_round = int(self._pace.seconds * len(warm_up.latencies) / warm_up.seconds)
        self._deployment.reset_peaks()
        hellos, outcomes, used = [], [], []
        for _ in range(self._pace.rounds):
            hellos.append(self.hello_seconds(clients))
            before = self._deployment.clocks()
            outcomes.append(self._send(requests, max(per_round, _FEWEST, clients), clients))
            used.append(used_between(before, self._deployment.clocks()))
        count = len(outcomes[0].latencies)
        seconds = sum(outcome.seconds for outcome in outcomes)
        latencies = [1000 * each for outcome in outcomes for each in outcome.latencies]
        return Figures(
            column=self._column,
            name=scenario.name,
            size=scenario.size,
            clients=clients,
            requests=len(latencies),
            errors=sum(outcome.errors for outcome in outcomes),
            per_second=len(latencies) / seconds,
            p50=median(latencies),
            p99=quantiles(latencies, n=100)[98],
            cpu_ms={part: median(1000 * each[part] / count for each in used) for part in PARTS},
            h={
                part: median(
                    each[part] / count / hello for each, hello in zip(used, hellos, strict=True)
                )
                for part in PARTS
            },
            hello_ms=1000 * median(hellos),
            received=sum(outcome.received for outcome in outcomes) // len(latencies),
            peak_mb=max(self._deployment.peak_memory().values()),
            load_busy=sum(outcome.load_seconds for outcome in outcomes) / seconds,
        )

    def hello_seconds(self, clients: int) -> float:
        """H: processor time of a request to a bare Flask program."""
        hello = self._deployment.hello
        before = hello.seconds()
        self._load.send(hello.address, [_HELLO] * _HELLOS, clients)
        return (hello.seconds() - before) / _HELLOS

    def _send(self, requests: Iterator[bytes], count: int, clients: int) -> Outcome:
        return self._load.send(self._deployment.address, list(islice(requests, count)), clients)
