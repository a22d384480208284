"""The format of a backup: a folder with a dump of each database, all images, and the keys.

::

    ims-20260131T235959Z/
        manifest.json           contents and kinds of the dumps
        SHA256SUMS              of every file; `sha256sum --check SHA256SUMS` verifies them
        databases/<service>     a dump of each service's database
        media/<service>/...     the images of the service's store; a shared store is saved once
        keys/...                generated keys and secrets of `make run`, and the next ones
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.databases import OperationError
from deploy.programs import SERVICES, load_service_settings
from shared.media.object_store import MediaSettings, MediaStore

FORMAT = 1
DATABASES = "databases"
KEYS = "keys"
MEDIA = "media"
CHECKSUMS = "SHA256SUMS"
_MANIFEST = "manifest.json"
_CONCURRENCY = 8


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup.

    Attributes:
        kinds: of the dumps, by service.
        media: the folder below `MEDIA` that holds the pictures of a service.
        made_at: when it was finished, in UTC.
        format: of the folder.
    """

    kinds: dict[str, str]
    media: dict[str, str]
    made_at: str
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write the manifest to a backup."""
        (folder / _MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a backup.

        Raises:
            OperationError: the folder is not a backup, or has another format.
        """
        try:
            manifest = json.loads((folder / _MANIFEST).read_text())
        except OSError as error:
            raise OperationError(f"{folder} is no backup: {error.strerror}") from None
        if manifest["format"] != FORMAT:
            raise OperationError(
                f"{folder} has format {manifest['format']}, this version reads {FORMAT}"
            )
        return cls(**manifest)


def create_stores(env: Mapping[str, str]) -> dict[str, tuple[str, MediaStore]]:
    """List the object stores, each with the first service that uses it.

    Raises:
        SettingsError: the settings of a service are invalid.
    """
    stores: dict[object, tuple[str, MediaStore]] = {}
    by_service = {}
    for service in SERVICES:
        settings = load_service_settings(service, env)
        if isinstance(settings, MediaSettings):
            place = settings.media_url or settings.data_dir, settings.aws_endpoint_url
            if place not in stores:
                stores[place] = service, MediaStore()
                stores[place][1].configure(settings)
            by_service[service] = stores[place]
    return by_service


def copy_store(store: MediaStore, folder: Path) -> Iterator[int]:
    """Copy a store into a folder, except existing files.

    The content of a key never changes, so existing files need no check.

    Yields:
        the number of copied files.
    """

    def copy(key: str) -> bool:
        path = folder / key
        file = None if path.exists() else store.open(key)
        if file is None:  # Or it has just been deleted.
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.writelines(file.chunks)
        return True

    count = 0
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        for batch in store.iter_files():
            count += sum(pool.map(copy, [file.key for file in batch]))
            yield count


def restore_store(folder: Path, store: MediaStore) -> Iterator[int]:
    """Upload all files of a folder to a store.

    Yields:
        the number of uploaded files.
    """
    for count, path in enumerate(files_in(folder), start=1):
        store.put(path.relative_to(folder).as_posix(), path.read_bytes())
        yield count


def files_in(folder: Path) -> Iterator[Path]:
    """List every file below a folder."""
    return (path for path in folder.rglob("*") if path.is_file())


def write_sums(folder: Path) -> None:
    """Write the checksums of all files of a backup."""
    with (folder / CHECKSUMS).open("w") as sums:
        for path in files_in(folder):
            if path.name != CHECKSUMS:
                sums.write(f"{_sum(path)}  {path.relative_to(folder).as_posix()}\n")


def verify_checksums(folder: Path) -> Iterator[int]:
    """Verify the checksums of all files of a backup.

    Yields:
        the number of verified files.

    Raises:
        OperationError: a file is missing or changed.
    """
    with (folder / CHECKSUMS).open() as sums:
        for count, line in enumerate(sums, start=1):
            expected, _, name = line.rstrip("\n").partition("  ")
            path = folder / name
            if not path.is_file() or _sum(path) != expected:
                raise OperationError(f"{path} is missing or not what was saved")
            yield count


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
