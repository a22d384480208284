"""Start the whole product on this machine: ``python -m deploy.run``, or ``make run``.

What could prevent a start is looked at first and said in one line. Then four programs run
under supervisord until SIGTERM or Ctrl-C, which lets them finish the requests in flight.
"""

import argparse
import fcntl
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pydantic import Field

from deploy import environment
from deploy.ports import bind_error, free_ports, is_address_in_use
from deploy.programs import PROGRAMS, SERVICES, environment_of, validate_all_settings
from deploy.schemas import are_current
from deploy.supervise import configuration
from shared.server.parent_death import set_parent_death_signal
from shared.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
OPEN_FILES = 65_536
PORT_RELEASE_TIMEOUT = 10.0
POLL_INTERVAL = 0.1


class LauncherSettings(Settings):
    """Settings of the launcher. The programs inherit the rest of the environment."""

    host: str = Field(LOOPBACK, description="Listen address of the gateway.")
    port: int = Field(8000, ge=1, le=65535, description="Listen port of the gateway.")
    data_dir: Path = Field(Path("var"), description="Folder of all files that a program writes.")
    start_timeout_seconds: float = Field(
        60, gt=0, description="Timeout for the programs to become healthy at start."
    )


class StartupError(Exception):
    """Why nothing runs, in a line for the person at the keyboard."""


def main() -> int:
    """Run until told to stop (status 0). Status 1: it could not start, or ended by itself."""
    parser = argparse.ArgumentParser(prog="python -m deploy.run", description=__doc__)
    parser.add_argument("--parent", type=int, metavar="PID", help="stop when this process ends")
    parser.add_argument("--only-migrate", action="store_true", help="start nothing")
    wanted = parser.parse_args()
    os.umask(0o077)  # What the programs write is for nobody else on this machine.
    for stop in STOP_SIGNALS:
        signal.signal(stop, _stop_once)
    try:
        if wanted.parent:
            set_parent_death_signal(wanted.parent, signal.SIGTERM)
        _run(load_settings(LauncherSettings, os.environ), wanted.only_migrate)
        return 0
    except KeyboardInterrupt:
        _echo("Stopped.")
        return 0
    except (StartupError, SettingsError) as reason:
        for line in str(reason).splitlines():
            _echo(f"Cannot start: {line}")
        return 1


def _stop_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave whatever is being done; signals that follow change nothing."""
    for stop in STOP_SIGNALS:
        signal.signal(stop, signal.SIG_IGN)
    raise KeyboardInterrupt


def _echo(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _run(settings: LauncherSettings, only_migrate: bool) -> None:
    began = time.monotonic()
    data_dir = settings.data_dir.absolute()
    run_dir = ensure_writable(data_dir) / "run"
    with exclusive_lock(run_dir) as lock:
        if not only_migrate:
            _wait_for_port(settings, run_dir)
        free = free_ports(LOOPBACK, settings.port, len(SERVICES) + len(PROGRAMS))
        ports = dict(zip(SERVICES, free, strict=False))
        urls = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        metrics = _metrics_settings(free[len(SERVICES) :])
        env = environment.started(data_dir, urls, metrics | os.environ)
        if problems := validate_all_settings(env):
            raise StartupError("\n".join(problems))
        if only_migrate or not are_current(ROOT, env):
            migrate(env)
        if only_migrate:
            return
        addresses = {name: (LOOPBACK, port) for name, port in ports.items()}
        addresses["gateway"] = (settings.host, settings.port)
        with running_programs(
            addresses, run_dir, env, lock, settings.start_timeout_seconds
        ) as manager:
            _echo(f"Ready after {time.monotonic() - began:.1f} seconds; Ctrl-C stops it.")
            _echo(f"Metrics for Prometheus: {', '.join(_metrics_urls(env))}")
            _echo(f"Mail: {_mail_destination(data_dir, env)}")
            address = f"http://{_bracketed(_connect_host(settings.host))}:{settings.port}"
            _echo(f"API documentation: {address}/docs")
            _echo(f"Open {address}/")
            manager.wait()
            _echo("The process manager was killed, and the programs with it. Start again.")
            sys.exit(1)


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
        run_dir: belongs to this run alone.
        env: of all programs.
        lock: the descriptor that says so.
        seconds: that they may take to become healthy.

    Raises:
        StartupError: they do not.
    """
    with _manager(addresses, run_dir, env, lock) as manager:
        _wait_for_health(addresses, manager, seconds)
        (run_dir / "ready").touch()
        yield manager


def ensure_writable(data_dir: Path) -> Path:
    """The data folder, made if it is missing.

    Raises:
        StartupError: nobody can write in it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o700)  # Also what an earlier version wrote is for its owner alone.
        with tempfile.TemporaryFile(dir=data_dir):
            return data_dir
    except OSError as error:
        raise StartupError(f"DATA_DIR: {error.strerror}: {data_dir}") from None


@contextmanager
def exclusive_lock(run_dir: Path) -> Iterator[int]:
    """Hold the data folder, for this process and the manager that inherits the descriptor."""
    run_dir.mkdir(exist_ok=True)
    with (run_dir / "lock").open("w") as lock:
        deadline = time.monotonic() + 1  # The manager of a killed run ends a moment after it.
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StartupError(f"DATA_DIR: it already runs on {run_dir.parent}") from None
                time.sleep(POLL_INTERVAL)
        yield lock.fileno()


def _wait_for_port(settings: LauncherSettings, run_dir: Path) -> None:
    """Refuse an address that is taken, unless by what is left of a killed run."""
    killed = (run_dir / "supervisord.pid").exists()
    deadline = time.monotonic() + (PORT_RELEASE_TIMEOUT if killed else 0)
    while error := bind_error(settings.host, settings.port):
        if not is_address_in_use(error) or time.monotonic() > deadline:
            address = f"{_bracketed(settings.host)}:{settings.port}"
            raise StartupError(f"HOST, PORT: {error.strerror}: {address}")
        time.sleep(POLL_INTERVAL)


def _metrics_settings(ports: Sequence[int]) -> dict[str, str]:
    """Let each program show its metrics on a port of its own, to this machine alone."""
    names = (f"{program.upper()}_METRICS_PORT" for program in PROGRAMS)
    return {"METRICS_HOST": LOOPBACK, **dict(zip(names, map(str, ports), strict=True))}


def _metrics_urls(env: Mapping[str, str]) -> Iterator[str]:
    """Where each program shows its metrics, if it does."""
    for program in PROGRAMS:
        own = environment_of(program, env)
        if port := own.get("METRICS_PORT"):
            yield f"{program} http://{_bracketed(own['METRICS_HOST'])}:{port}/metrics"


def _mail_destination(data_dir: Path, env: Mapping[str, str]) -> str:
    """Where mail with codes goes."""
    own = environment_of("auth_service", env)
    if own.get("SMTP_URL") or own.get("SMTP_URL_FILE"):
        return "sent by the server of SMTP_URL"
    return f"written to {data_dir / 'mail'} as .eml files, since there is no SMTP_URL"


def migrate(env: Mapping[str, str]) -> None:
    """Bring the three databases to the newest schema, side by side."""
    migrations = {
        service: subprocess.Popen(
            [sys.executable, "-m", service, "migrate"],
            cwd=ROOT,
            env=environment_of(service, env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for service in SERVICES
    }
    try:
        for service, migration in migrations.items():
            said, _ = migration.communicate()
            _echo(said.rstrip())
            if migration.returncode:
                raise StartupError(f"{service}: its migration failed, as said above")
    finally:
        for migration in migrations.values():
            migration.kill()
            migration.wait()


@contextmanager
def _manager(
    addresses: Mapping[str, tuple[str, int]], run_dir: Path, env: Mapping[str, str], lock: int
) -> Iterator[subprocess.Popen[bytes]]:
    """supervisord and the programs under it; all of them have ended when the block has."""
    _raise_limit_of_open_files()
    config, ready = run_dir / "supervisord.conf", run_dir / "ready"
    binds = {name: f"{_bracketed(host)}:{port}" for name, (host, port) in addresses.items()}
    config.write_text(configuration(binds))
    ready.unlink(missing_ok=True)
    manager = subprocess.Popen(
        [sys.executable, "-m", "deploy.supervise", str(config), str(ready), str(os.getpid())],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        pass_fds=[lock],
        process_group=0,  # Ctrl-C reaches the launcher alone, which stops things in order.
    )
    try:
        yield manager
    finally:
        manager.terminate()
        manager.wait()


def _raise_limit_of_open_files() -> None:
    """Thousands of websockets need more descriptors than a shell gives by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _wait_for_health(
    addresses: Mapping[str, tuple[str, int]],
    manager: subprocess.Popen[bytes],
    seconds: float,
) -> None:
    """Wait for one program after the other, the gateway last: it asks the services in turn."""
    deadline = time.monotonic() + seconds
    for name, (host, port) in addresses.items():
        while not _is_healthy(_connect_host(host), port):
            if manager.poll() is not None:
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


def _connect_host(host: str) -> str:
    """An address for clients on this machine, where ``host`` may mean all addresses."""
    return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def _bracketed(host: str) -> str:
    """``host`` as it stands before a port."""
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    sys.exit(main())
