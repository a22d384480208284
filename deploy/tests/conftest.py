"""Copies of the whole product, started by the launcher."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from deploy import keyring
from deploy.ports import free_ports
from deploy.run import LOOPBACK, ROOT
from shared.testing.processes import all_end
from shared.testing.secret_leaks import register_secrets, scan_file

PATIENCE_SECONDS = 90  # Sufficient on a busy machine, too.
LAUNCH = [sys.executable, "-m", "deploy.run", "--parent", str(os.getpid())]


class Copy:
    """A running copy of the product, or the attempt to start one.

    Args:
        command: the command that starts it.
        port: the port of its gateway.
        data_dir: the folder of its data.
        env: additional settings.
    """

    def __init__(self, command: list[str], port: int, data_dir: Path, env: dict[str, str]) -> None:
        self.port = port
        self.data_dir = data_dir
        log = data_dir.parent / f"{data_dir.name}.log"
        self._log = log.open("a")
        scan_file(log)
        settings = {
            "PORT": str(port),
            "DATA_DIR": str(data_dir),
            "RATE_LIMITS": "off",
            "START_TIMEOUT_SECONDS": str(PATIENCE_SECONDS),
        }
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | settings | env,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.family: list[psutil.Process] = []

    def until_ready(self) -> "Copy":
        """Wait for the line with the URL of the product."""
        assert self.process.stdout is not None
        output = []
        for line in self.process.stdout:
            output.append(line)
            if line.startswith("Open "):
                self.find_family()
                return self
        raise AssertionError("".join(output))

    def find_family(self) -> None:
        """Store all of its processes in ``family``."""
        this = psutil.Process(self.process.pid)
        self.family = [this, *this.children(recursive=True)]

    def startup_error(self) -> str:
        """Return the output of a start that fails."""
        output, _ = self.process.communicate()
        assert self.process.returncode == 1, output
        return output

    def kill(self, what: str) -> None:
        """Kill its processes with ``what`` in their command, at the same time."""
        killed = [one for one in self.family if what in " ".join(one.cmdline())]
        assert killed
        for process in killed:
            process.kill()
        assert all_end(killed, PATIENCE_SECONDS)

    def has_ended(self) -> bool:
        """Whether all its processes end within a few seconds."""
        self.process.wait()
        return all_end(self.family[1:], PATIENCE_SECONDS)

    def post(self, path: str, body: dict[str, str]) -> requests.Response:
        """Send a request to its gateway."""
        register_secrets(body)
        return requests.post(
            f"http://{LOOPBACK}:{self.port}{path}", json=body, timeout=PATIENCE_SECONDS
        )

    def is_healthy(self) -> bool:
        """Whether the gateway and every service report that they are healthy."""
        return requests.get(f"http://{LOOPBACK}:{self.port}/healthz", timeout=PATIENCE_SECONDS).ok

    def is_whole(self) -> bool:
        """Whether it was ready once, and has lost no process since then."""
        return bool(self.family) and self.process.poll() is None and self.is_healthy()

    def close(self) -> None:
        """Stop it in any state."""
        self.process.kill()
        assert self.has_ended()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, for a bounded time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Copies:
    """Copies for one test. Complete ones are left to the next test.

    Args:
        stock: running copies of earlier tests.
        folder: the folder for the data of new ones.
    """

    _number = itertools.count()

    def __init__(self, stock: list[Copy], folder: Path) -> None:
        self._stock = stock
        self._folder = folder
        self._used: list[Copy] = []

    def running(self) -> Copy:
        """Get a copy that is ready: one in stock, or a new one."""
        if not self._stock:
            return self.start().until_ready()
        copy = self._stock.pop()
        copy.find_family()
        self._used.append(copy)
        return copy

    def start(
        self,
        *,
        on: int | None = None,
        data_dir: Path | None = None,
        command: list[str] = LAUNCH,
        **env: str,
    ) -> Copy:
        """Start a copy, by default on a free port and with empty data."""
        number = next(self._number)
        data_dir = data_dir or self._folder / f"data{number}"
        copy = Copy(command, on or free_port(number), data_dir, env)
        self._used.append(copy)
        return copy

    def leave(self) -> None:
        """Put complete copies into stock, and stop the others."""
        for copy in self._used:
            if copy.is_whole():
                self._stock.append(copy)
            else:
                copy.close()


def free_port(number: int = 0) -> int:
    """Find a free port; another one for each number."""
    return free_ports(LOOPBACK, os.getpid() + number, 1)[0]


@pytest.fixture(scope="session")
def _stock() -> Iterator[list[Copy]]:
    stock: list[Copy] = []
    yield stock
    for copy in stock:
        copy.find_family()
        copy.close()


@pytest.fixture
def copies(_stock: list[Copy], tmp_path: Path) -> Iterator[Copies]:
    """Copies of the product. They are reused, because a start takes long."""
    copies = Copies(_stock, tmp_path)
    yield copies
    copies.leave()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder of secrets, as ``make secrets`` creates it."""
    folder = tmp_path / "secrets"
    keyring.make_for_containers(folder)
    return folder
