"""What a backup is: a folder with a dump of each database, all pictures, and the keys.

::

    ims-20260131T235959Z/
        manifest.json           what is in it, and of which kind
        SHA256SUMS              of every file; `sha256sum --check SHA256SUMS` looks, too
        databases/<service>     a dump of each service's database
        media/<service>/...     the pictures of the service's store; shared stores come once
        keys/...                keys and secrets of the embedded default
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
    """What is in a backup.

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
        """Put it into a backup."""
        (folder / _MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """What a backup says of itself.

        Raises:
            OperationError: it is none, or one of another version of this program.
        """
        try:
            said = json.loads((folder / _MANIFEST).read_text())
        except OSError as error:
            raise OperationError(f"{folder} is no backup: {error.strerror}") from None
        if said["format"] != FORMAT:
            raise OperationError(
                f"{folder} has format {said['format']}, this version reads {FORMAT}"
            )
        return cls(**said)


def create_stores(env: Mapping[str, str]) -> dict[str, tuple[str, MediaStore]]:
    """The stores of the services that keep pictures, each beside the first service that uses it.

    Raises:
        SettingsError: a service would refuse its settings.
    """
    stores: dict[object, tuple[str, MediaStore]] = {}
    found = {}
    for service in SERVICES:
        settings = load_service_settings(service, env)
        if isinstance(settings, MediaSettings):
            place = settings.media_url or settings.data_dir, settings.aws_endpoint_url
            if place not in stores:
                stores[place] = service, MediaStore()
                stores[place][1].configure(settings)
            found[service] = stores[place]
    return found


def copy_store(store: MediaStore, folder: Path) -> Iterator[int]:
    """Copy what a store holds into a folder, except what is there already.

    A key stands for the same bytes for ever, so what is there need not be looked at again.

    Yields:
        how many were copied so far.
    """

    def copy(key: str) -> bool:
        path = folder / key
        file = None if path.exists() else store.open(key)
        if file is None:  # Or it was deleted just now.
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.writelines(file.pieces)
        return True

    count = 0
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        for batch in store.listed():
            count += sum(pool.map(copy, [file.key for file in batch]))
            yield count


def restore_store(folder: Path, store: MediaStore) -> Iterator[int]:
    """Put everything that is in a folder into a store.

    Yields:
        how many were put so far.
    """
    for count, path in enumerate(files_in(folder), start=1):
        store.put(path.relative_to(folder).as_posix(), path.read_bytes())
        yield count


def files_in(folder: Path) -> Iterator[Path]:
    """Every file below a folder."""
    return (path for path in folder.rglob("*") if path.is_file())


def write_sums(folder: Path) -> None:
    """Write down what every file of a backup must be."""
    with (folder / CHECKSUMS).open("w") as sums:
        for path in files_in(folder):
            if path.name != CHECKSUMS:
                sums.write(f"{_sum(path)}  {path.relative_to(folder).as_posix()}\n")


def verify_checksums(folder: Path) -> Iterator[int]:
    """Look whether every file of a backup is what it was.

    Yields:
        how many are.

    Raises:
        OperationError: one is not.
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
