"""The programs, running under supervisord for as long as a block lasts."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from deploy.ports import bracketed, connect_host
from deploy.startup import POLL_INTERVAL, StartupError
from deploy.supervise import render_config

_ROOT = Path(__file__).resolve().parent.parent
_OPEN_FILES = 65_536


@contextmanager
def running_programs(
    addresses: Mapping[str, tuple[str, int]],
    run_dir: Path,
    env: Mapping[str, str],
    lock: int,
    seconds: float,
) -> Iterator[subprocess.Popen[bytes]]:
    """All programs, healthy, as long as the block lasts; the process that manages them.

    Args:
        addresses: where each listens.
        run_dir: folder of this run alone.
        env: of all programs.
        lock: the descriptor of its lock.
        seconds: timeout until they are healthy.

    Raises:
        StartupError: they are not.
    """
    with _supervisord(addresses, run_dir, env, lock) as supervisor:
        _wait_for_health(addresses, supervisor, seconds)
        (run_dir / "ready").touch()
        yield supervisor


@contextmanager
def _supervisord(
    addresses: Mapping[str, tuple[str, int]], run_dir: Path, env: Mapping[str, str], lock: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run supervisord with the programs; all have ended when the block has."""
    _raise_limit_of_open_files()
    config, ready = run_dir / "supervisord.conf", run_dir / "ready"
    binds = {name: f"{bracketed(host)}:{port}" for name, (host, port) in addresses.items()}
    config.write_text(render_config(binds))
    ready.unlink(missing_ok=True)
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "deploy.supervise", str(config), str(ready), str(os.getpid())],
        cwd=_ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        pass_fds=[lock],
        process_group=0,  # Ctrl-C reaches the launcher alone, which stops all in order.
    )
    try:
        yield supervisor
    finally:
        supervisor.terminate()
        supervisor.wait()


def _raise_limit_of_open_files() -> None:
    """Thousands of websockets need more descriptors than a shell gives by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _wait_for_health(
    addresses: Mapping[str, tuple[str, int]],
    supervisor: subprocess.Popen[bytes],
    seconds: float,
) -> None:
    """Wait for one program after the other, the gateway last: its health includes theirs."""
    deadline = time.monotonic() + seconds
    for name, (host, port) in addresses.items():
        while not _is_healthy(connect_host(host), port):
            if supervisor.poll() is not None:
                raise StartupError("a program ended at once; its last words stand above")
            if time.monotonic() > deadline:
                raise StartupError(f"{name} is not healthy after {seconds:g} seconds")
            time.sleep(POLL_INTERVAL)


def _is_healthy(host: str, port: int) -> bool:
    with closing(HTTPConnection(host, port, timeout=5)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
