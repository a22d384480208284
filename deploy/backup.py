"""Back up all databases, images and keys to one folder, while the product runs.

Run ``python -m deploy.backup`` or ``make backup TO=folder`` in the environment of the product.

The databases are dumped one after another, consumers before producers: chat, social, auth. So no
copy in the backup is newer than its source, and a restore delivers the newest state again. Images
are copied before the databases, and new ones after them. An image that a dumped row references
existed at the time of the dump, so it is in one of the two listings unless it was also deleted
during the dump.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from deploy import archive
from deploy.archive import Manifest
from deploy.databases import DATABASE_ERRORS, get_database
from deploy.environment import environment_of_existing_run
from deploy.ownership import give_to_owner_of
from deploy.programs import SERVICES
from shared.operations.commands import with_progress
from shared.settings import SettingsError
from shared.web.errors import ApiError

_CONSUMERS_FIRST = tuple(reversed(SERVICES))


def main() -> int:
    """Make a backup and print its folder. The exit status is 1 if it fails."""
    parser = argparse.ArgumentParser(prog="python -m deploy.backup", description=__doc__)
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("backups"),
        help="parent folder of the new backup",
    )
    wanted = parser.parse_args()
    os.umask(0o077)  # The backup contains secrets.
    try:
        made = create_backup(environment_of_existing_run(os.environ), wanted.to)
    except (*DATABASE_ERRORS, SettingsError, OSError) as reason:
        sys.stdout.write(f"Backup failed: {reason}\n")
        return 1
    except ApiError:
        sys.stdout.write("Backup failed: the object store does not respond.\n")
        return 1
    sys.stdout.write(
        f"Saved in {made}, which contains the data of all users{_describe_keys(made)}. "
        "Keep it private.\n"
        "How to restore it: docs/operations.md, Backup and restore.\n"
    )
    return 0


def create_backup(env: Mapping[str, str], to: Path) -> Path:
    """Make a backup in a new folder in ``to``.

    Args:
        env: the environment of all programs.
        to: the parent folder of backups.

    Returns:
        the folder. It has its final name only when it is complete.

    Raises:
        OperationError: a database cannot be dumped.
        ApiError: the object store does not respond.
    """
    began_at = datetime.now(UTC)
    folder = to / f"ims-{began_at:%Y%m%dT%H%M%SZ}"
    unfinished = folder.with_suffix(".unfinished")
    (unfinished / archive.DATABASES).mkdir(parents=True)
    _save_media(env, unfinished)
    kinds = {}
    for service in _CONSUMERS_FIRST:
        database = get_database(service, env)
        database.dump(unfinished / archive.DATABASES / service)
        kinds[service] = database.kind
        sys.stdout.write(f"Saved the database of {service}.\n")
    media = _save_media(env, unfinished)
    _save_keys(env, unfinished)
    Manifest(kinds, media, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}").write(unfinished)
    archive.write_sums(unfinished)
    give_to_owner_of(to, unfinished)
    os.sync()  # A power cut leaves the complete folder, or not its final name.
    return unfinished.rename(folder)


def _save_media(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Copy new images, and return the subfolder of each service."""
    places = archive.create_stores(env)
    for name, store in dict(places.values()).items():
        count = with_progress(
            archive.copy_store(store, folder / archive.MEDIA / name), "Copying pictures"
        )
        sys.stdout.write(f"Saved {count} pictures.\n")
    return {service: name for service, (name, _) in places.items()}


def _save_keys(env: Mapping[str, str], folder: Path) -> None:
    """Save the generated keys, also the next ones. Keys from other sources are not saved."""
    keys = Path(env.get("DATA_DIR", "")) / archive.KEYS
    if Path(env.get("JWT_PRIVATE_KEY_FILE", "")).parent == keys:
        for path in archive.files_in(keys):
            copy = folder / archive.KEYS / path.relative_to(keys)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


def _describe_keys(folder: Path) -> str:
    return " and the keys of this installation" if (folder / archive.KEYS).exists() else ""


if __name__ == "__main__":
    sys.exit(main())
