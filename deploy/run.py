"""Start the whole product on this machine: ``python -m deploy.run``, or ``make run``.

Errors that prevent a start are detected first and reported in one line. The four programs then
run under supervisord until SIGTERM or Ctrl-C, and finish the requests in flight.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pydantic import Field

from deploy import environment
from deploy.ports import bind_error, bracketed, connect_host, free_ports, is_address_in_use
from deploy.programs import PROGRAMS, SERVICES, environment_of, validate_all_settings
from deploy.running import running_programs
from deploy.schemas import are_current
from deploy.startup import POLL_INTERVAL, StartupError, ensure_writable, exclusive_lock
from shared.server.parent_death import set_parent_death_signal
from shared.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PORT_RELEASE_TIMEOUT = 10.0


class LauncherSettings(Settings):
    """Settings of the launcher. The programs inherit the rest of the environment."""

    host: str = Field(LOOPBACK, description="Listen address of the gateway.")
    port: int = Field(8000, ge=1, le=65535, description="Listen port of the gateway.")
    data_dir: Path = Field(Path("var"), description="Folder of all files that a program writes.")
    start_timeout_seconds: float = Field(
        60, gt=0, description="Timeout for the programs to become healthy at start."
    )


def main() -> int:
    """Run until a stop signal (status 0). Status 1: the start failed, or a program ended."""
    parser = argparse.ArgumentParser(prog="python -m deploy.run", description=__doc__)
    parser.add_argument("--parent", type=int, metavar="PID", help="stop when this process ends")
    parser.add_argument("--only-migrate", action="store_true", help="start nothing")
    wanted = parser.parse_args()
    os.umask(0o077)  # Files are readable by their owner only.
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
    """Stop the current work. Later signals have no effect."""
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
        env = environment.environment_for_new_run(data_dir, urls, metrics | os.environ)
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
            address = f"http://{bracketed(connect_host(settings.host))}:{settings.port}"
            _echo(f"API documentation: {address}/docs")
            _echo(f"Open {address}/")
            manager.wait()
            _echo("The process manager was killed, and the programs with it. Start again.")
            sys.exit(1)


def _wait_for_port(settings: LauncherSettings, run_dir: Path) -> None:
    """Reject an address in use, unless a killed run is about to release it."""
    killed = (run_dir / "supervisord.pid").exists()
    deadline = time.monotonic() + (PORT_RELEASE_TIMEOUT if killed else 0)
    while error := bind_error(settings.host, settings.port):
        if not is_address_in_use(error) or time.monotonic() > deadline:
            address = f"{bracketed(settings.host)}:{settings.port}"
            raise StartupError(f"HOST, PORT: {error.strerror}: {address}")
        time.sleep(POLL_INTERVAL)


def _metrics_settings(ports: Sequence[int]) -> dict[str, str]:
    """Configure a metrics port on the loopback interface for each program."""
    names = (f"{program.upper()}_METRICS_PORT" for program in PROGRAMS)
    return {"METRICS_HOST": LOOPBACK, **dict(zip(names, map(str, ports), strict=True))}


def _metrics_urls(env: Mapping[str, str]) -> Iterator[str]:
    """List the metrics URLs of the programs that have one."""
    for program in PROGRAMS:
        own = environment_of(program, env)
        if port := own.get("METRICS_PORT"):
            yield f"{program} http://{bracketed(own['METRICS_HOST'])}:{port}/metrics"


def _mail_destination(data_dir: Path, env: Mapping[str, str]) -> str:
    """Describe where mail is sent."""
    own = environment_of("auth_service", env)
    if own.get("SMTP_URL") or own.get("SMTP_URL_FILE"):
        return "sent by the server of SMTP_URL"
    return f"written to {data_dir / 'mail'} as .eml files, since there is no SMTP_URL"


def migrate(env: Mapping[str, str]) -> None:
    """Migrate the three databases to the newest schema in parallel."""
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
            output, _ = migration.communicate()
            _echo(output.rstrip())
            if migration.returncode:
                raise StartupError(f"{service}: its migration failed, see above")
    finally:
        for migration in migrations.values():
            migration.kill()
            migration.wait()


if __name__ == "__main__":
    sys.exit(main())
