"""The metrics of a program as Prometheus reads them, added up over the workers."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from deploy.ports import bind_error
from deploy.run import LOOPBACK, ROOT
from deploy.tests.conftest import PATIENCE_SECONDS, free_port, until
from deploy.tests.test_server import GUNICORN

SAMPLE = "deploy.tests.sample:create_app()"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("metrics")]  # One server for all tests.


class Watched:
    """A server with two workers and metrics."""

    def __init__(self, metrics_port: int) -> None:
        self.port, self.metrics_port = free_port(), metrics_port
        self.process = subprocess.Popen(
            [*GUNICORN, "-w", "2", "-b", f"{LOOPBACK}:{self.port}", SAMPLE],
            cwd=ROOT,
            env=os.environ | {"METRICS_PORT": str(metrics_port)},
        )

    def send(self, path: str = "/", method: str = "GET") -> int:
        """Send a request over a new connection; return the status."""
        url = f"http://{LOOPBACK}:{self.port}{path}"
        return requests.request(method, url, timeout=PATIENCE_SECONDS).status_code

    def exposition(self) -> str:
        """Read the metrics."""
        url = f"http://{LOOPBACK}:{self.metrics_port}/metrics"
        return requests.get(url, timeout=PATIENCE_SECONDS).text

    def counted(self, route: str) -> dict[tuple[str, str], float]:
        """Get the number of counted requests of a route, by method and status."""
        return {
            (sample.labels["method"], sample.labels["status"]): sample.value
            for family in text_string_to_metric_families(self.exposition())
            for sample in family.samples
            if sample.name == "ims_http_requests_total" and sample.labels["route"] == route
        }

    def hellos(self) -> float:
        """How often it was counted that ``/`` was answered."""
        return self.counted("/").get(("GET", "200"), 0)

    def workers(self) -> list[psutil.Process]:
        """Its workers."""
        children = psutil.Process(self.process.pid).children()
        return [each for each in children if SAMPLE in each.cmdline()]

    def has_two_workers(self) -> bool:
        """Whether both workers run."""
        return len(self.workers()) == 2

    def files(self) -> set[Path]:
        """List the files of the workers' metrics."""
        maps = (each.memory_maps(grouped=False) for each in self.workers())
        return {Path(one.path) for each in maps for one in each if one.path.endswith(".db")}


@contextmanager
def running(metrics_port: int) -> Iterator[Watched]:
    """Run a server until the block ends."""
    server = Watched(metrics_port)
    try:
        until(lambda: bind_error(LOOPBACK, server.port) is not None and server.has_two_workers())
        server.send()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Watched]:
    """The server that most tests share."""
    with running(free_port(1)) as server:
        until(lambda: bind_error(LOOPBACK, server.metrics_port) is not None)
        yield server


def test_what_two_workers_count_is_added_up(server: Watched) -> None:
    before = server.hellos()
    for idle in server.workers():
        idle.suspend()
        server.send()
        idle.resume()

    assert server.hellos() == before + 2


def test_metrics_are_shown_while_every_worker_is_busy(server: Watched) -> None:
    workers = server.workers()
    for worker in workers:
        worker.suspend()

    shown = server.hellos()

    for worker in workers:
        worker.resume()
    assert shown > 0


def test_what_a_worker_has_counted_stays_when_it_ends(server: Watched) -> None:
    before = server.hellos()
    ended = server.workers()[0]

    ended.kill()

    until(lambda: not ended.is_running() and server.has_two_workers())
    assert server.hellos() == before


def test_no_value_of_a_request_becomes_a_label(server: Watched) -> None:
    server.send("/nowhere?token=secret")
    server.send("/nowhere/else")
    server.send("/nowhere", method="SECRET")

    assert server.counted("") == {("", "404"): 3}
    assert "nowhere" not in server.exposition()
    assert "ecret" not in server.exposition().lower()


def test_a_latency_is_in_seconds(server: Watched) -> None:
    [family] = (
        family
        for family in text_string_to_metric_families(server.exposition())
        if family.name == "ims_http_request_duration_seconds"
    )
    sums = [sample.value for sample in family.samples if sample.name.endswith("_sum")]

    assert family.type == "histogram"
    assert 0 < max(sums) < PATIENCE_SECONDS


def test_a_port_that_is_taken_prevents_no_start(server: Watched) -> None:
    with running(server.metrics_port) as unwatched:
        assert unwatched.send() == 200


def test_metrics_end_with_their_program_and_leave_nothing() -> None:
    with running(free_port(2)) as killed:
        until(lambda: bind_error(LOOPBACK, killed.metrics_port) is not None)
        [folder] = {file.parent for file in killed.files()}

    until(lambda: bind_error(LOOPBACK, killed.metrics_port) is None and not folder.exists())


def test_what_is_left_of_a_killed_program_is_removed_by_the_next() -> None:
    with running(free_port(3)) as killed:
        [folder] = {file.parent for file in killed.files()}
        family = psutil.Process(killed.process.pid).children(recursive=True)
        for process in family:
            process.suspend()
        killed.process.kill()
        for process in family:
            process.kill()
    assert folder.exists()

    with running(free_port(3)):
        until(lambda: not folder.exists())


@pytest.fixture
def strays() -> Iterator[list[Path]]:
    """Foreign files in the folder of metrics."""
    memory = Path("/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir())
    folders = [memory / f"ims-{kind}-stray-{os.getpid()}" for kind in ("metrics", "prometheus")]
    (memory / f"ims-prometheus-file-{os.getpid()}").touch()
    for folder in folders:
        folder.mkdir()
    yield folders
    (memory / f"ims-prometheus-file-{os.getpid()}").unlink()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def test_stray_folders_prevent_no_start_and_no_metrics(strays: list[Path]) -> None:
    with running(free_port(4)) as server:
        until(lambda: bind_error(LOOPBACK, server.metrics_port) is not None)

        assert server.hellos() > 0


def test_a_program_outlives_its_exporter_and_the_loss_of_its_folder() -> None:
    with running(free_port(5)) as server:
        until(lambda: bind_error(LOOPBACK, server.metrics_port) is not None)
        [folder] = {file.parent for file in server.files()}
        children = psutil.Process(server.process.pid).children()
        [exporter] = [each for each in children if "shared.server.exporter" in each.cmdline()]

        exporter.terminate()
        until(lambda: bind_error(LOOPBACK, server.metrics_port) is None)
        shutil.rmtree(folder)
        ended = server.workers()[0]
        ended.kill()
        until(lambda: not ended.is_running() and server.has_two_workers())

        assert server.send() == 200


def test_the_folder_of_a_running_program_is_left_alone_by_others(server: Watched) -> None:
    [folder] = {file.parent for file in server.files()}

    with running(free_port(6)) as other:
        until(lambda: bind_error(LOOPBACK, other.metrics_port) is not None)
        assert other.hellos() > 0

    assert folder.is_dir()
