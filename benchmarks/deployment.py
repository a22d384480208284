"""The measured product: one of two columns on fresh data, and the resources of its processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import requests
from sqlalchemy import make_url

from benchmarks.load import Address
from shared.testing.postgres import PostgresServer, postgres_server
from shared.testing.redis import redis_server
from tests.product import ROOT, Product, running

SQLITE, POSTGRES = COLUMNS = ("sqlite", "postgres")
PROGRAMS = {
    "gateway": "gateway",
    "auth": "auth_service",
    "social": "social_service",
    "chat": "chat_service",
}
PARTS = (*PROGRAMS, "database", "redis")
MB = 1024 * 1024

Usage = dict[str, float]
_Clocks = dict[str, dict[int, float]]

_SECONDS_TO_START = 30.0
_SECONDS_TO_REST = 60.0
_IDLE_SHARE = 0.1  # Of a core.
_QUIET = {"LOG_LEVEL": "WARNING", "RATE_LIMITS": "off"}


class Deployment:
    """The running product, its database and Redis server if it has one, and a bare Flask program.

    Attributes:
        product: through whose gateway everything goes.
        hello: where the bare Flask program listens.
    """

    def __init__(self, product: Product, hello: "Baseline", servers: dict[str, int]) -> None:
        self.product = product
        self.hello = hello
        self._servers = servers

    @property
    def address(self) -> Address:
        """The address of the gateway."""
        return "127.0.0.1", self.product.port

    def clocks(self) -> _Clocks:
        """Processor time so far of each process of each part, in seconds."""
        return {part: _cpu_times(self.processes(part)) for part in PARTS}

    def wait_until_idle(self) -> None:
        """Wait until the work after the last request is done: events, and the search index.

        Raises:
            TimeoutError: it takes more than a minute.
        """
        deadline = time.monotonic() + _SECONDS_TO_REST
        while time.monotonic() < deadline:
            before = self.clocks()
            time.sleep(1)
            if sum(used_between(before, self.clocks()).values()) < _IDLE_SHARE:
                return
        raise TimeoutError("The product does not come to rest.")

    def processes(self, part: str) -> list[psutil.Process]:
        """The processes of a part, such as ``chat`` or ``database``."""
        if part in PROGRAMS:
            return self.product.processes(PROGRAMS[part])
        if part not in self._servers:
            return []
        server = psutil.Process(self._servers[part])
        return [server, *server.children(recursive=True)]

    def reset_peaks(self) -> None:
        """Reset the memory peaks."""
        for program in PROGRAMS:
            for process in self.processes(program):
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def peak_memory(self) -> Usage:
        """The peak resident memory (MB) of the workers of each program."""
        return {name: max(map(_peak, self.processes(name)[1:])) for name in PROGRAMS}

    def resident_memory(self) -> Usage:
        """The memory (resident, MB) of the largest worker of each program."""
        return {
            name: max(process.memory_info().rss for process in self.processes(name)[1:]) / MB
            for name in PROGRAMS
        }


class Baseline:
    """A bare Flask program: the unit of everything else."""

    def __init__(self, server: psutil.Process, address: Address) -> None:
        self.address = address
        self._server = server

    def seconds(self) -> float:
        """Processor time so far."""
        return sum(_cpu_times(self._server.children()).values())


def used_between(before: _Clocks, after: _Clocks) -> Usage:
    """Processor time of each part, in seconds, between two samples."""
    return {
        part: sum(seconds - before[part].get(pid, 0) for pid, seconds in clocks.items())
        for part, clocks in after.items()
    }


@contextmanager
def deploy(column: str, folder: Path) -> Iterator[Deployment]:
    """Run the product on fresh data inside the block.

    Args:
        column: ``sqlite``, or ``postgres`` (with Redis).
        folder: an empty one.
    """
    with ExitStack() as stack:
        hello = stack.enter_context(running_baseline())
        settings, servers = dict(_QUIET), {}
        if column == POSTGRES:
            server = stack.enter_context(postgres_server())
            settings |= _databases(server)
            servers["database"] = _postmaster(server.url)
            settings["REDIS_URL"] = stack.enter_context(redis_server()).url
            [servers["redis"]] = [
                child.pid for child in psutil.Process().children() if "redis" in child.name()
            ]
        product = stack.enter_context(running(folder / "data", **settings))
        yield Deployment(product, hello, servers)


@contextmanager
def running_baseline(app: str = "benchmarks.hello:app", **env: str) -> Iterator[Baseline]:
    """Run a bare Flask program under gunicorn's gevent worker."""
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gevent", "--keep-alive", "75"]
    command += ["--no-control-socket", "--log-level", "warning"]
    command += ["--bind", "127.0.0.1:0", app]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | env) as program:
        try:
            server = psutil.Process(program.pid)
            yield Baseline(server, _listening_address(server))
        finally:
            program.terminate()


def _databases(server: PostgresServer) -> dict[str, str]:
    """Create a database for each service; their settings."""
    services = [program for name, program in PROGRAMS.items() if name != "gateway"]
    return {
        f"{service.upper()}_DATABASE_URL": server.create_database(service) for service in services
    }


def _postmaster(url: str) -> int:
    folder = make_url(url).query["host"]
    assert isinstance(folder, str)
    return int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])


def _listening_address(server: psutil.Process) -> Address:
    """Wait until a server responds; the address it has chosen."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        for connection in server.net_connections("tcp"):
            with suppress(requests.RequestException):
                requests.get("http://127.0.0.1:{1}".format(*connection.laddr), timeout=1)
                return "127.0.0.1", connection.laddr[1]
        time.sleep(0.05)
    raise TimeoutError("The bare Flask program does not start.")


def _cpu_times(processes: Iterable[psutil.Process]) -> dict[int, float]:
    """Processor time by process, from its clock, which is more precise than the kernel's ticks."""
    clocks = {}
    for process in processes:
        with suppress(OSError):  # It has ended.
            clocks[process.pid] = time.clock_gettime((~process.pid << 3) | 2)
    return clocks


def _peak(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kilobytes) * 1024 / MB
