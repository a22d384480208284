"""Replicas of every program, each a process with its own port, which tests stop and kill."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

import psutil
import requests

from deploy.keyring import key_files
from deploy.ports import free_ports
from deploy.programs import GATEWAY, PROGRAMS, SERVICES, environment_of
from shared.testing.postgres import PostgresServer, postgres_server
from shared.testing.processes import all_end
from shared.testing.redis import RedisServer, redis_server
from shared.testing.secret_leaks import scan_file
from tests.product import PASSWORD_TRANSPORT_KEY, ROOT, SECONDS_TO_START, SECONDS_TO_STOP

LOOPBACK = "127.0.0.1"
POLL_INTERVAL = 0.05


class Replica:
    """One process of a program (a gunicorn with its worker), which keeps its port.

    Attributes:
        name: the program and a number, such as ``chat_service-2``.
        url: of its listener, also while it does not run.
    """

    def __init__(self, name: str, port: int, env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.url = f"http://{LOOPBACK}:{port}"
        program = name.partition("-")[0]
        self._command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "python:shared.server.gunicorn_conf",
        ]
        self._command += ["-b", f"{LOOPBACK}:{port}", f"{program}.app:create_app()"]
        self._env = environment_of(program, env)
        self._log = folder / f"{name}.log"
        self._process: psutil.Popen | None = None

    def start(self) -> None:
        """Start it, and return when it is ready."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start it without waiting. It ends with the calling process."""
        manager = {"SUPERVISOR_PID": str(os.getpid())}
        scan_file(self._log)
        with self._log.open("ab") as log:
            self._process = psutil.Popen(
                self._command,
                cwd=ROOT,
                env=os.environ | self._env | manager,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Wait until it is ready."""
        deadline = time.monotonic() + SECONDS_TO_START
        while not self.is_ready():
            if self.has_ended() or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start:\n{self.log()[-4000:]}")
            time.sleep(POLL_INTERVAL)

    def is_ready(self) -> bool:
        """Whether it accepts requests."""
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def has_ended(self) -> bool:
        """Whether its process has ended."""
        return self._process is None or self._process.poll() is not None

    def stop(self) -> int:
        """Stop it gracefully; its exit status."""
        assert self._process is not None
        self._process.terminate()
        status: int = self._process.wait(SECONDS_TO_STOP)
        return status

    def restart(self) -> None:
        """Stop it, and start it again on the same port."""
        assert self.stop() == 0
        self.start()

    def kill(self) -> None:
        """Kill it and its worker (``kill -9``)."""
        if self._process is not None and not self.has_ended():
            workers = self.workers()
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(SECONDS_TO_STOP)
            assert all_end(workers)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend its processes inside the block. Connections stay open."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""
        assert self._process is not None
        children: list[psutil.Process] = self._process.children()
        return children

    def log(self) -> str:
        """Its output so far, including earlier runs."""
        return self._log.read_text(errors="replace")


class Cluster:
    """The product as replicas that know each other by lists of URLs.

    Args:
        folder: for its data, keys, and a log of each replica.
        replicas: how many of a program; one of those that are not named.
        settings: for every program; ``CHAT_SERVICE_...`` for the chat service alone.

    Attributes:
        env: of all programs.
    """

    def __init__(
        self, folder: Path, replicas: Mapping[str, int], settings: Mapping[str, str]
    ) -> None:
        counts = {program: replicas.get(program, 1) for program in PROGRAMS}
        ports = iter(free_ports(LOOPBACK, random.randrange(2**16), sum(counts.values())))
        named = {
            f"{program}-{number}": next(ports)
            for program, count in counts.items()
            for number in range(1, count + 1)
        }
        self.env = {
            "DATA_DIR": str(folder / "data"),
            "RATE_LIMITS": "off",
            "PASSWORD_TRANSPORT_KEY": PASSWORD_TRANSPORT_KEY,
            **key_files(folder / "data" / "keys"),
            **{
                f"{service.upper()}_URL": ",".join(
                    f"http://{LOOPBACK}:{port}"
                    for name, port in named.items()
                    if name.startswith(service)
                )
                for service in SERVICES
            },
            **settings,
        }
        self._replicas = {
            name: Replica(name, port, self.env, folder) for name, port in named.items()
        }
        self._turns = cycle(self.of(GATEWAY))

    def start(self) -> None:
        """Migrate the databases, start all replicas, and wait until they are ready."""
        subprocess.run(
            [sys.executable, "-m", "deploy.run", "--only-migrate"],
            cwd=ROOT,
            env=os.environ | self.env,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        for replica in self.all():
            replica.begin()
        for replica in self.all():
            replica.wait_until_ready()

    def kill(self) -> None:
        """Kill all replicas (``kill -9``)."""
        with ThreadPoolExecutor(len(self._replicas)) as threads:
            list(threads.map(Replica.kill, self.all()))

    def all(self) -> list[Replica]:
        """Every replica of every program, the gateways first."""
        return list(self._replicas.values())

    def of(self, program: str) -> list[Replica]:
        """The replicas of one program."""
        return [each for name, each in self._replicas.items() if name.startswith(f"{program}-")]

    @property
    def base_url(self) -> str:
        """The URL of a gateway; with several, of each in turn."""
        return next(self._turns).url


@contextmanager
def running_cluster(
    folder: Path, replicas: Mapping[str, int] | None = None, **settings: str
) -> Iterator[Cluster]:
    """A cluster that runs inside the block."""
    cluster = Cluster(folder, replicas or {}, settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


class ProductionCluster(Cluster):
    """A cluster on PostgreSQL and Redis of its own.

    Attributes:
        postgres: with the databases of all services.
        redis: which all programs share.
    """

    def __init__(
        self,
        folder: Path,
        replicas: Mapping[str, int],
        settings: Mapping[str, str],
        postgres: PostgresServer,
        redis: RedisServer,
    ) -> None:
        self.postgres, self.redis = postgres, redis
        databases = {
            f"{service.upper()}_DATABASE_URL": postgres.create_database(service)
            for service in SERVICES
        }
        super().__init__(folder, replicas, {"REDIS_URL": redis.url, **databases, **settings})


@contextmanager
def running_production(
    folder: Path, replicas: Mapping[str, int], **settings: str
) -> Iterator[ProductionCluster]:
    """A production cluster that runs inside the block."""
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server())
        redis = stack.enter_context(redis_server())
        cluster = ProductionCluster(folder, replicas, settings, postgres, redis)
        stack.callback(cluster.kill)
        cluster.start()
        yield cluster


def until(holds: Callable[[], bool], seconds: float = SECONDS_TO_START) -> None:
    """Wait until a condition holds, for a bounded time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It does not come true."
        time.sleep(POLL_INTERVAL)
