"""A real PgBouncer, started by tests in front of a PostgreSQL server."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.testing.postgres import unprivileged_owner

_TIMEOUT = 30
_POLL_INTERVAL = 0.02
_CONFIGURATION = """\
[databases]
* = host={server}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 60
max_client_conn = 300
{more}
"""


def is_installed() -> bool:
    """Whether PgBouncer is installed."""
    return _program() is not None


@contextmanager
def pgbouncer(server: Path, mode: str, more: str = "") -> Iterator[str]:
    """Run a PgBouncer until the block ends; yield a URL with a placeholder for the database.

    Args:
        server: the folder of the server's socket.
        mode: ``session``, ``transaction`` or ``statement``.
        more: additional lines of the configuration.
    """
    folder = Path(tempfile.mkdtemp(prefix="ims-pgbouncer-"))
    owner = unprivileged_owner(folder)
    (folder / "users").write_text('"ims" ""\n')
    configuration = _CONFIGURATION.format(server=server, folder=folder, mode=mode, more=more)
    (folder / "pgbouncer.ini").write_text(configuration)
    program = _program()
    assert program is not None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, folder / "pgbouncer.ini"], stdout=log, stderr=log, cwd="/", **owner
        )
    try:
        deadline = time.monotonic() + _TIMEOUT
        while not (folder / ".s.PGSQL.6432").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(_POLL_INTERVAL)
        yield f"postgresql://ims@/{{}}?host={folder}&port=6432"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str | None:
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
