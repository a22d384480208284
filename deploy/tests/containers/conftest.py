"""One engine for all tests in this folder, with the product started according to the documents.

``make test-containers`` runs them in the order of the file; no other target collects them.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from deploy.tests.containers.engine import CGROUP, Engine, EngineError
from deploy.tests.documents import block
from tests.chaos import checker
from tests.chaos.record import Record
from tests.chaos.trial import used

log = logging.getLogger(__name__)

SECONDS_TO_HEAL = 120

collect_ignore_glob = [] if "TEST_CONTAINERS" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine with foreign images, without images of the product."""
    engine = Engine()
    try:
        try:
            engine.install()
            engine.start()
        except EngineError as reason:
            pytest.skip(f"NOT TESTED: containers; {reason}")
        engine.clear()
        engine.make_images()
        yield engine
    finally:
        log.info("stopping the engine")
        engine.stop()


class Installation:
    """The running product in the engine.

    Attributes:
        engine: the engine.
        base_url: the URL of its gateway.
    """

    base_url = "http://127.0.0.1:8000"

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self._folder = folder

    def containers_of(self, service: str) -> list[str]:
        """List the ids of the running containers of a service."""
        return self.engine.run(f"docker compose ps --quiet {service}").split()

    def is_healthy(self) -> bool:
        """Whether every service runs and, with a health check, is healthy."""
        states = self.engine.run(
            "docker compose ps --all --format '{{.Service}} {{.State}} {{.Health}} {{.ExitCode}}'"
        )
        fine = {"running healthy", "running ", "exited  0"}
        return all(
            state in fine or state.removesuffix(" 0") in fine
            for _, _, state in (line.partition(" ") for line in states.splitlines())
        )

    def deaths(self) -> str:
        """Describe every container's start, and the number of its processes killed for memory."""
        started = self.engine.run(
            "docker inspect --format '{{.Name}} {{.State.StartedAt}}' $(docker compose ps --quiet)"
        )
        killed = self.engine.run(
            f"find /sys/fs/cgroup -path '*/{CGROUP}/*/memory.*' "
            "-regex '.*/memory.\\(events\\|oom_control\\)' -exec grep '^oom_kill ' /dev/null {} +",
            as_root=True,
        )
        return f"{started}{killed}"

    def memory(self) -> dict[str, float]:
        """Measure the memory of each service, in MiB."""
        output = self.engine.run("docker stats --no-stream --format '{{.Name}} {{.MemUsage}}'")
        return {
            name: float(size) for name, size in re.findall(r"ims-(\w+)-\d+ ([\d.]+)MiB", output)
        }

    @contextmanager
    def in_use(self, name: str) -> Iterator[Record]:
        """Run simulated users during the block; then compare the data with their record."""
        folder = self._folder / name
        folder.mkdir()
        with used(self, folder) as (record, town):
            yield record
        log.info(
            "%s requests, %s of them again", *map(record.requests.get, ("requests", "retries"))
        )
        self._used = record, town
        until(self._has_delivered_events, "all events are delivered", checker.DELIVERY_TIMEOUT)
        assert self.violations() == []

    def _has_delivered_events(self) -> bool:
        show = "docker compose exec -T {0} python -m {0} outbox show --json"
        outboxes = (self.engine.run(show.format(service)) for service in checker.PRODUCERS)
        return not any(map(checker.count_waiting, outboxes))

    def violations(self) -> list[str]:
        """List differences between the data and the record of the last users."""
        return [*checker.broken_words(self, *self._used)]


@pytest.fixture(scope="session")
def product(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The product, started by the commands of the document."""
    installation = Installation(engine, tmp_path_factory.mktemp("product"))
    for line in block("docs/deploying.md", "Docker compose", "docker compose").commands:
        log.info("%s", line)
        engine.run(line)
    return installation


def until(holds: Callable[[], bool], what: str, seconds: float = SECONDS_TO_HEAL) -> None:
    """Wait until a condition holds, for a bounded time."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + seconds, f"Not within {seconds} seconds: {what}"
        time.sleep(0.2)
    log.info("%s: after %.1f s", what, time.monotonic() - began)


def is_ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
