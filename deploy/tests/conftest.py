"""Copies of the whole product, started as a user starts them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests

from deploy import keyring
from deploy.ports import free_ports
from deploy.run import LOOPBACK, ROOT

SECONDS_TO_END = 15
LAUNCH = [sys.executable, "-m", "deploy.run"]


class Copy:
    """A running copy of the product, or the attempt to start one.

    Args:
        command: what starts it.
        port: of its gateway.
        data_dir: its data.
        env: more settings.
    """

    def __init__(self, command: list[str], port: int, data_dir: Path, env: dict[str, str]) -> None:
        self.port = port
        self.data_dir = data_dir
        self._log = (data_dir.parent / f"{data_dir.name}.log").open("a")
        settings = {"PORT": str(port), "DATA_DIR": str(data_dir), "RATE_LIMITS": "off"}
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
        """Wait for the line that says where to go; everything it started is in ``family``."""
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("Open "):
                this = psutil.Process(self.process.pid)
                self.family = [this, *this.children(recursive=True)]
                return self
        raise AssertionError("".join(said))

    def refusal(self) -> str:
        """What it says if it does not start."""
        said, _ = self.process.communicate()
        assert self.process.returncode == 1, said
        return said

    def running(self, what: str) -> psutil.Process:
        """The one of its processes with ``what`` in its command, the first if there are several."""
        return next(one for one in self.family if what in " ".join(one.cmdline()))

    def has_ended(self) -> bool:
        """Whether all its processes are gone, waiting for them for a few seconds."""
        self.process.wait()
        _, alive = psutil.wait_procs(self.family[1:], timeout=SECONDS_TO_END)
        return not alive

    def post(self, path: str, body: dict[str, str]) -> requests.Response:
        """Send a request to its gateway."""
        return requests.post(f"http://{LOOPBACK}:{self.port}{path}", json=body, timeout=10)

    def is_healthy(self) -> bool:
        """Whether the gateway and every service say so."""
        return requests.get(f"http://{LOOPBACK}:{self.port}/healthz", timeout=10).ok

    def close(self) -> None:
        """End it, whatever state it is in."""
        self.process.kill()
        assert self.has_ended()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, for a bounded time."""
    deadline = time.monotonic() + SECONDS_TO_END
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


Start = Callable[..., Copy]


@pytest.fixture
def port() -> int:
    """A free port; the next one is free as well, most likely."""
    return free_ports(LOOPBACK, os.getpid(), 1)[0]


@pytest.fixture
def start(port: int, tmp_path: Path) -> Iterator[Start]:
    """Start a copy: on ``port`` and fresh data unless told otherwise."""
    with ExitStack() as copies:

        def start_copy(
            *,
            on: int = port,
            data_dir: Path = tmp_path / "data",
            command: list[str] = LAUNCH,
            **env: str,
        ) -> Copy:
            copy = Copy(command, on, data_dir, env)
            copies.callback(copy.close)
            return copy

        yield start_copy


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """What ``make secrets`` leaves."""
    folder = tmp_path / "secrets"
    keyring.make_for_containers(folder)
    return folder
