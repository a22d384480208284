"""The whole product, started on this machine by its launcher."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import requests

from deploy.ports import free_ports
from shared.testing.processes import all_end
from shared.testing.secret_leaks import scan_file

ROOT = Path(__file__).resolve().parent.parent
PASSWORD_TRANSPORT_KEY = "acceptance-tests"
SECONDS_TO_START = 90.0
SECONDS_TO_STOP = 30.0
POLL_INTERVAL = 0.05


class Product:
    """A product with its own data folder and port.

    Attributes:
        launcher: its launcher module.
    """

    launcher = "deploy.run"

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        [self.port] = free_ports("127.0.0.1", random.randrange(2**16), 1)
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._log = data_dir.with_name(f"{data_dir.name}.log")
        self._settings = {
            "PORT": str(self.port),
            "DATA_DIR": str(data_dir),
            "RATE_LIMITS": "off",
            "PASSWORD_TRANSPORT_KEY": PASSWORD_TRANSPORT_KEY,
            **settings,
        }
        self._launcher: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is healthy."""
        scan_file(self._log)
        with self._log.open("ab") as log:
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", self.launcher, "--parent", str(os.getpid())],
                cwd=ROOT,
                env=os.environ | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while not self.is_healthy():
            if self._launcher.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"The product does not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(POLL_INTERVAL)

    def stop(self) -> int:
        """Stop it as Ctrl-C does; its exit status."""
        assert self._launcher is not None
        self._launcher.send_signal(signal.SIGTERM)
        return self._launcher.wait(SECONDS_TO_STOP)

    def kill(self) -> None:
        """Kill all its processes (``kill -9``), the launcher first, so that it restarts none."""
        assert self._launcher is not None
        if self._launcher.poll() is None:
            launcher = psutil.Process(self._launcher.pid)
            processes = [launcher, *launcher.children(recursive=True)]
            for process in processes:
                with suppress(psutil.NoSuchProcess):  # It may end with its parent.
                    process.kill()
            assert all_end(processes[1:])
        self._launcher.wait(SECONDS_TO_STOP)

    def processes(self, program: str) -> list[psutil.Process]:
        """The processes of one of its programs, such as ``chat_service``, the outermost first."""
        assert self._launcher is not None
        processes = psutil.Process(self._launcher.pid).children(recursive=True)
        return [each for each in processes if f"{program}.app:create_app()" in read_command(each)]

    def log(self) -> str:
        """The output of its programs so far."""
        return self._log.read_text(errors="replace")

    def is_healthy(self) -> bool:
        """Whether the gateway reports that all services are healthy."""
        try:
            return requests.get(f"{self.base_url}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Product]:
    """A product that runs inside the block."""
    product = Product(data_dir, **settings)
    product.start()
    try:
        yield product
    finally:
        product.stop()


def read_command(process: psutil.Process) -> list[str]:
    """Read the command line of a process; it is empty if the process has ended."""
    try:
        command: list[str] = process.cmdline()
    except psutil.NoSuchProcess:  # Or a zombie.
        return []
    return command
