"""Restore a backup into an empty installation: databases, images, keys.

Run ``python -m deploy.restore FOLDER`` or ``make restore FROM=folder`` in the environment of the
product while it is stopped.

The databases of a backup are from different times. After the restore and the migration, the
services run briefly, unreachable for clients, to deliver the events of the outboxes and to
rebuild the copies of accounts and friendships.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy import archive
from deploy.archive import Manifest
from deploy.databases import DATABASE_ERRORS, Database, OperationError, get_database, is_empty
from deploy.environment import environment_for_new_run
from deploy.keyring import NEXT
from deploy.ownership import give_to_owner_of
from deploy.ports import free_ports
from deploy.programs import PROGRAMS, SERVICES, environment_of, validate_all_settings
from deploy.run import LOOPBACK, ROOT, LauncherSettings, migrate
from deploy.running import running_programs
from deploy.startup import StartupError, ensure_writable, exclusive_lock
from shared.operations.commands import with_progress
from shared.settings import SettingsError, load_settings
from shared.web.errors import ApiError

_RESYNCS = (
    ("social_service", "accounts"),
    ("chat_service", "accounts"),
    ("chat_service", "friendships"),
)


def main() -> int:
    """Restore, and print the next step. The exit status is 1 if it fails."""
    parser = argparse.ArgumentParser(prog="python -m deploy.restore", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder made by make backup")
    parser.add_argument("--overwrite", action="store_true", help="replace existing data")
    wanted = parser.parse_args()
    os.umask(0o077)
    try:
        restore(wanted.folder, overwrite=wanted.overwrite)
    except (*DATABASE_ERRORS, StartupError, SettingsError, OSError) as reason:
        for line in str(reason).splitlines():
            sys.stdout.write(f"Not restored: {line}\n")
        return 1
    except ApiError:
        sys.stdout.write("Not restored: the object store does not respond. Try again.\n")
        return 1
    sys.stdout.write("Restored. Next: make verify, then start it again (make run).\n")
    return 0


def restore(folder: Path, *, overwrite: bool) -> None:
    """Restore a backup into the databases and stores of these settings.

    Args:
        folder: the backup.
        overwrite: whether existing data is replaced.

    Raises:
        OperationError: the backup is incomplete, does not match these settings, or data exists.
        StartupError: the data is restored, but the services do not run on it.
    """
    settings = load_settings(LauncherSettings, os.environ)
    data_dir = ensure_writable(settings.data_dir.absolute())
    run_dir = data_dir / "run"
    with exclusive_lock(run_dir) as lock:
        saved = Manifest.read(folder)
        files = with_progress(archive.verify_checksums(folder), "")
        sys.stdout.write(f"Verified the checksums of {files} files.\n")
        ports = free_ports(LOOPBACK, settings.port, len(PROGRAMS))
        addresses = {name: (LOOPBACK, port) for name, port in zip(PROGRAMS, ports, strict=True)}
        urls = {name: f"http://{LOOPBACK}:{addresses[name][1]}" for name in SERVICES}
        env = {
            **environment_for_new_run(data_dir, urls, os.environ),
            **{f"{name.upper()}_URL": url for name, url in urls.items()},
            "LOG_LEVEL": "WARNING",
            "METRICS_PORT": "",
        }
        if problems := validate_all_settings(env):
            raise OperationError("\n".join(problems))
        databases = {service: get_database(service, env) for service in SERVICES}
        _check_targets(databases, saved, overwrite=overwrite)
        _restore_keys(folder, data_dir)
        for service, database in databases.items():
            database.load(folder / archive.DATABASES / service)
            sys.stdout.write(f"Restored the database of {service}.\n")
        for service, (_, store) in archive.create_stores(env).items():
            pictures = folder / archive.MEDIA / saved.media[service]
            count = with_progress(archive.restore_store(pictures, store), "Restoring images")
            if store.folder and store.folder.exists():
                give_to_owner_of(store.folder, store.folder)
            sys.stdout.write(f"Restored {count} images of {service}.\n")
        migrate(env)
        with running_programs(addresses, run_dir, env, lock, settings.start_timeout_seconds):
            for service, what in _RESYNCS:
                _resync(service, what, env)


def _check_targets(databases: Mapping[str, Database], saved: Manifest, *, overwrite: bool) -> None:
    """Check that every dump has a matching empty database, before any change."""
    for service, database in databases.items():
        kind = saved.kinds.get(service)
        if kind != database.kind:
            raise OperationError(
                f"{service}: the backup is of {kind}, the database {database.kind}"
            )
        if database.has_connections():
            raise OperationError(f"{service}: its database is in use; stop the product first")
        if not overwrite and not is_empty(database):
            raise OperationError(
                f"{service}: its database is not empty; --overwrite (OVERWRITE=1) loses its rows"
            )


def _restore_keys(folder: Path, data_dir: Path) -> None:
    """Restore the keys, so that earlier tokens stay valid."""
    saved, keys = folder / archive.KEYS, data_dir / archive.KEYS
    if not saved.exists():
        return
    if (keys / NEXT).exists():  # No program would accept what a later rotation has generated.
        shutil.rmtree(keys / NEXT)
    for path in archive.files_in(saved):
        target = keys / path.relative_to(saved)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        target.write_bytes(path.read_bytes())
    give_to_owner_of(keys, keys)


def _resync(service: str, what: str, env: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", service, what, "resync"],
        cwd=ROOT,
        env=environment_of(service, env),
        check=False,
    )
    if done.returncode:
        raise OperationError(f"{service}: {what} resync failed, see above; the rest is restored")


if __name__ == "__main__":
    sys.exit(main())
