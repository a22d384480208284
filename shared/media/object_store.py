"""Object store of images: a folder or an S3 bucket."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store
from pydantic import Field, SecretStr

from shared.media.decoder import DecoderSettings
from shared.server.offload import OffloadPool
from shared.settings import ProgramSettings, matching
from shared.web.errors import SERVICE_UNAVAILABLE, ApiError
from shared.web.spool import SpoolFile

log = logging.getLogger(__name__)

_CHUNK_SIZE = 64 * 1024
_LIST_PAGE_SIZE = 500

T = TypeVar("T")


class MediaSettings(DecoderSettings, ProgramSettings):
    """Settings of the decoder and the object store."""

    media_url: Annotated[
        str,
        matching(r"|file:///.+|s3://[^/?#]+(/[^?#]*)?", "s3://bucket/prefix or file:///folder"),
    ] = Field(
        "",
        description="`s3://bucket/prefix` or `file:///folder`; empty: `DATA_DIR/media`.",
    )
    aws_endpoint_url: str = Field("", description="URL of an S3-compatible service; empty: AWS.")
    aws_region: str = Field("us-east-1", description="Region of the bucket.")
    aws_access_key_id: str = Field("", description="S3 access key; empty: instance role.")
    aws_secret_access_key: SecretStr = Field(SecretStr(""), description="S3 secret key.")


class ListedFile(NamedTuple):
    """A listed object: its key, its size in bytes, and its time of modification."""

    key: str
    size: int
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An opened object: its size in bytes, and its chunks."""

    size: int
    chunks: Iterator[bytes]


class MediaStore:
    """Objects by key, in a folder or in an S3 bucket. Writes are atomic.

    Every method raises ``ApiError`` (503) if the store does not respond.
    """

    def __init__(self) -> None:
        self._settings: MediaSettings | None = None
        self._pool = OffloadPool(8)

    def configure(self, settings: MediaSettings) -> None:
        """Configure the store. The next access connects to it."""
        self._settings = settings
        self.__dict__.pop("_store", None)

    def put(self, key: str, data: bytes | SpoolFile) -> None:
        """Store ``data`` under ``key``, and replace an existing object."""

        def put(store: LocalStore | S3Store) -> None:
            if isinstance(data, SpoolFile):
                data.seek(0)
            store.put(key, data)

        self._call(put, may_be_missing=False)

    def get(self, key: str) -> bytes | None:
        """Read the object ``key``, if it exists."""
        return self._call(lambda store: bytes(store.get(key).bytes()))

    def open(self, key: str) -> StoredFile | None:
        """Open the object ``key``, if it exists, to read it in chunks."""
        stored = self._call(lambda store: store.get(key))
        if stored is None:
            return None
        stream = stored.stream(min_chunk_size=_CHUNK_SIZE)
        chunks = iter(lambda: self._pool.run(lambda: bytes(next(stream, b""))), b"")
        return StoredFile(stored.meta["size"], chunks)

    def exists(self, key: str) -> bool:
        """Whether the object ``key`` exists."""
        return self._call(lambda store: store.head(key)) is not None

    def delete(self, key: str) -> None:
        """Delete the object ``key``, if it exists."""
        self._call(lambda store: store.delete(key))

    def iter_files(self, folder: str = "") -> Iterator[list[ListedFile]]:
        """List all objects (below ``folder``), unordered, some hundred at a time."""
        stream = self._call(lambda store: store.list(folder, chunk_size=_LIST_PAGE_SIZE))
        while stream and (batch := self._call(lambda _: next(stream, None))):
            yield [ListedFile(one["path"], one["size"], one["last_modified"]) for one in batch]

    @property
    def folder(self) -> Path | None:
        """Return the folder of the store; None for a bucket."""
        settings = self._settings
        assert settings is not None
        if settings.media_url.startswith("s3:"):
            return None
        url = urlsplit(settings.media_url)
        return Path(unquote(url.path)) if url.path else settings.data_dir.absolute() / "media"

    @cached_property
    def _store(self) -> LocalStore | S3Store:
        assert self._settings is not None
        if self.folder is None:
            return _bucket(self._settings)
        return LocalStore(self.folder, automatic_cleanup=True, mkdir=True)

    def _call(
        self, operation: Callable[[LocalStore | S3Store], T], *, may_be_missing: bool = True
    ) -> T | None:
        try:
            return self._pool.run(operation, self._store)
        except (BaseError, OSError) as failure:
            if may_be_missing and isinstance(failure, FileNotFoundError):
                return None
            log.error("media_store_failed", exc_info=failure)
            raise ApiError(SERVICE_UNAVAILABLE) from failure


def _bucket(settings: MediaSettings) -> S3Store:
    options = {
        "endpoint": settings.aws_endpoint_url,
        "region": settings.aws_region,
        "access_key_id": settings.aws_access_key_id,
        "secret_access_key": settings.aws_secret_access_key.get_secret_value(),
    }
    return S3Store.from_url(
        settings.media_url,
        config={name: value for name, value in options.items() if value},  # type: ignore[arg-type]
        client_options={"allow_http": True, "connect_timeout": "1s", "timeout": "5s"},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=5)},
    )
