"""Save all databases, all pictures and the keys into one folder, while the product runs.

``python -m deploy.backup``, or ``make backup TO=folder``, in the environment that the product was
started in.

The databases are dumped one after another, those that are told of things before those that tell:
chat, social, auth. So no copy in the backup is newer than what it is a copy of, and after a
restore the newest state is told again and taken. Pictures are copied before, and once more what
came meanwhile: a picture that a dumped row names was there when the row was dumped, so it is in
one of the two listings unless it came and went in between.
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
from deploy.environment import installed
from deploy.ownership import give_to_owner_of
from deploy.programs import SERVICES
from shared.operations.commands import with_progress
from shared.settings import SettingsError
from shared.web.errors import ApiError

_CONSUMERS_FIRST = tuple(reversed(SERVICES))


def main() -> int:
    """Save everything, and say where it is. Status 1: it could not."""
    parser = argparse.ArgumentParser(prog="python -m deploy.backup", description=__doc__)
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("backups"),
        help="folder in which a folder of its own is made",
    )
    wanted = parser.parse_args()
    os.umask(0o077)  # There are secrets in it.
    try:
        made = create_backup(installed(os.environ), wanted.to)
    except (*DATABASE_ERRORS, SettingsError, OSError) as reason:
        sys.stdout.write(f"No backup was made: {reason}\n")
        return 1
    except ApiError:
        sys.stdout.write("No backup was made: the store of pictures does not answer.\n")
        return 1
    sys.stdout.write(
        f"Saved in {made}, which holds everybody's data{_describe_keys(made)}: "
        "keep it where nobody else reads it.\n"
        "How to restore it: docs/operations.md, Backup and restore.\n"
    )
    return 0


def create_backup(env: Mapping[str, str], to: Path) -> Path:
    """Save everything into a new folder in ``to``.

    Args:
        env: of all programs.
        to: where folders of backups are.

    Returns:
        the folder, which has its name only if all is in it.

    Raises:
        OperationError: a database cannot be dumped.
        ApiError: the store of pictures does not answer.
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
    os.sync()  # So that a power cut leaves all of it, or not the name.
    return unfinished.rename(folder)


def _save_media(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Save the pictures that are not yet in the folder; where those of each service are."""
    places = archive.create_stores(env)
    for name, store in dict(places.values()).items():
        count = with_progress(
            archive.copy_store(store, folder / archive.MEDIA / name), "Copying pictures"
        )
        sys.stdout.write(f"Saved {count} pictures.\n")
    return {service: name for service, (name, _) in places.items()}


def _save_keys(env: Mapping[str, str], folder: Path) -> None:
    """Save the keys that were made here; others are kept by whoever made them."""
    keys = Path(env.get("DATA_DIR", "")) / archive.KEYS
    if Path(env.get("JWT_PRIVATE_KEY_FILE", "")).parent == keys:
        (folder / archive.KEYS).mkdir()
        for path in archive.files_in(keys):
            (folder / archive.KEYS / path.name).write_bytes(path.read_bytes())


def _describe_keys(folder: Path) -> str:
    return " and the keys of this installation" if (folder / archive.KEYS).exists() else ""


if __name__ == "__main__":
    sys.exit(main())
