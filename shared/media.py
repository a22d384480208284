"""Pictures that people send: decoded by a library before anything believes them, and their store.

Nothing of a sent file is ever served: what goes out has been encoded anew, without EXIF, GPS,
comments or whatever else was hidden in it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store
from PIL import Image, ImageOps, ImageSequence, _imaging
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from pydantic import Field, SecretStr

from shared.blocking import BlockingPool
from shared.errors import UNAVAILABLE, ApiError
from shared.settings import ProgramSettings

log = logging.getLogger(__name__)

MOST_PIXELS = 50_000_000
"""Of all frames together."""

_LEAST_PER_FRAME = 50_000  # Thousands of tiny frames cost as much as large ones.
_PIECE = 64 * 1024
_LISTED_AT_ONCE = 500
_LARGEST_PROFILE = 4096  # Describes a colour space; larger ones carry more than that.
_TYPES = {
    "PNG": ("image/png", "png"),
    "JPEG": ("image/jpeg", "jpg"),
    "GIF": ("image/gif", "gif"),
    "WEBP": ("image/webp", "webp"),
}

# Beyond twice this many pixels Pillow itself refuses, also in the middle of an animation.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
Image.preinit()
# A large picture lies in blocks that go back to the system, and not into a heap that only grows.
_imaging.set_block_size(64 * 1024 * 1024)

T = TypeVar("T")

_pictures = BlockingPool(1)  # One after another: the largest takes 400 MB while it is decoded.


class NotAPicture(Exception):
    """The bytes are no picture that is accepted."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was encoded here."""

    data: bytes
    media_type: str
    extension: str


def cleaned(data: bytes) -> Picture:
    """The same picture in the same format without its metadata; animations stay animated.

    Raises:
        NotAPicture: it is no whole PNG, JPEG, GIF or WebP of at most `MOST_PIXELS`.
    """
    return _pictures.run(_cleaned, data)


def rendition(data: bytes, max_side: int) -> Picture:
    """A still WebP of the picture with no side longer than ``max_side`` pixels.

    Raises:
        NotAPicture: it is no PNG, JPEG, GIF or WebP of at most `MOST_PIXELS`.
    """
    return _pictures.run(_rendition, data, max_side)


def _cleaned(data: bytes) -> Picture:
    with _opened(data) as image:
        kind = image.format or ""
        options: dict[str, Any] = {"comment": b"", "exif": b"", "xmp": b""}
        if kind in {"GIF", "WEBP"} and getattr(image, "is_animated", False):
            options |= {"save_all": True, "duration": _durations(image), "quality": 90}
            options["loop"] = image.info.get("loop")
            return _encoded(image, kind, options)
        if isinstance(image, JpegImageFile):  # As good as it came, and no larger.
            options |= {"qtables": image.quantization, "subsampling": get_sampling(image)}
        options |= {"quality": 90} if kind == "WEBP" else {}
        options |= {"compress_level": 3} if kind == "PNG" else {}
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        odd = kind == "JPEG" and image.mode not in {"L", "RGB"}
        upright = image.convert("RGB") if odd else image
        return _encoded(upright, kind, {**options, "icc_profile": _profile(image, upright)})


def _durations(image: Image.Image) -> list[int]:
    """Milliseconds that each frame is shown; every frame is decoded on the way."""
    spent = 0
    durations = []
    for frame in ImageSequence.Iterator(image):
        spent += max(frame.width * frame.height, _LEAST_PER_FRAME)
        _check_size(spent)
        frame.load()
        durations.append(int(frame.info.get("duration", 0)))
    image.seek(0)
    return durations


def _rendition(data: bytes, max_side: int) -> Picture:
    with _opened(data) as image:
        image.draft("RGB", (2 * max_side, 2 * max_side))  # A JPEG need not be decoded in full.
        mode = "RGBA" if image.has_transparency_data else "RGB"
        small = image if image.mode == mode else image.convert(mode)
        profile = _profile(image, small)
        small.thumbnail((max_side, max_side))
        upright = ImageOps.exif_transpose(small)
        return _encoded(upright, "WEBP", {"quality": 80, "icc_profile": profile})


def _profile(image: Image.Image, changed: Image.Image) -> bytes | None:
    """The colour profile of ``image``, if ``changed`` may keep it."""
    profile: bytes | None = image.info.get("icc_profile")
    same_colours = image.mode.removesuffix("A") == changed.mode.removesuffix("A")
    return profile if profile and len(profile) <= _LARGEST_PROFILE and same_colours else None


def _encoded(image: Image.Image, kind: str, options: dict[str, Any]) -> Picture:
    out = BytesIO()
    image.save(out, kind, **options)
    return Picture(out.getvalue(), *_TYPES[kind])


def _check_size(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise NotAPicture("too many pixels")


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(BytesIO(data), formats=list(_TYPES)) as image:
            _check_size(image.width * image.height)
            yield image
    except NotAPicture:
        raise
    except Exception as failure:  # Hostile bytes break decoders in every way there is.
        raise NotAPicture(type(failure).__name__) from failure


class MediaSettings(ProgramSettings):
    """Where a service keeps pictures."""

    media_url: str = Field(
        "",
        pattern=r"^(|file:///.+|s3://[^/?#]+(/[^?#]*)?)$",
        description="`s3://bucket/prefix` or `file:///folder`; empty: `DATA_DIR/media`.",
    )
    aws_endpoint_url: str = Field("", description="An S3 service other than Amazon's.")
    aws_region: str = Field("us-east-1", description="Region of the bucket.")
    aws_access_key_id: str = Field("", description="Empty: the role of the machine.")
    aws_secret_access_key: SecretStr = Field(SecretStr(""), description="Belongs to the id.")


class ListedFile(NamedTuple):
    """A kept object: its key, its size in bytes, and when it was put."""

    key: str
    size: int
    put_at: datetime


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A kept object, opened: its size in bytes, and the bytes as they are read."""

    size: int
    pieces: Iterator[bytes]


class MediaStore:
    """Objects by key, in a folder or in an S3 bucket; an object is there whole or not at all.

    Every method raises ``ApiError`` (503) if the store does not answer.
    """

    def __init__(self) -> None:
        self._settings: MediaSettings | None = None
        self._pool = BlockingPool(8)

    def configure(self, settings: MediaSettings) -> None:
        """Use the store that the settings name, from the next access on."""
        self._settings = settings
        self.__dict__.pop("_store", None)

    def put(self, key: str, data: bytes) -> None:
        """Keep ``data`` under ``key``, in place of what may be there."""
        self._asked(lambda store: store.put(key, data), may_be_missing=False)

    def get(self, key: str) -> bytes | None:
        """What is kept under ``key``, if anything."""
        return self._asked(lambda store: bytes(store.get(key).bytes()))

    def open(self, key: str) -> StoredFile | None:
        """What is kept under ``key``, if anything, to be read piece by piece."""
        found = self._asked(lambda store: store.get(key))
        if found is None:
            return None
        stream = found.stream(min_chunk_size=_PIECE)
        pieces = iter(lambda: self._pool.run(lambda: bytes(next(stream, b""))), b"")
        return StoredFile(found.meta["size"], pieces)

    def exists(self, key: str) -> bool:
        """Whether anything is kept under ``key``."""
        return self._asked(lambda store: store.head(key)) is not None

    def delete(self, key: str) -> None:
        """Forget what is kept under ``key``, if anything."""
        self._asked(lambda store: store.delete(key))

    def listed(self, folder: str = "") -> Iterator[list[ListedFile]]:
        """Everything that is kept (below ``folder``), in no order, some hundred at a time."""
        stream = self._asked(lambda store: store.list(folder, chunk_size=_LISTED_AT_ONCE))
        while stream and (batch := self._asked(lambda _: next(stream, None))):
            yield [ListedFile(one["path"], one["size"], one["last_modified"]) for one in batch]

    @property
    def folder(self) -> Path | None:
        """The folder of the store; None of a bucket."""
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

    def _asked(
        self, ask: Callable[[LocalStore | S3Store], T], *, may_be_missing: bool = True
    ) -> T | None:
        try:
            return self._pool.run(ask, self._store)
        except (BaseError, OSError) as failure:
            if may_be_missing and isinstance(failure, FileNotFoundError):
                return None
            log.error("media_store_failed", exc_info=failure)
            raise ApiError(UNAVAILABLE) from failure


def _bucket(settings: MediaSettings) -> S3Store:
    given = {
        "endpoint": settings.aws_endpoint_url,
        "region": settings.aws_region,
        "access_key_id": settings.aws_access_key_id,
        "secret_access_key": settings.aws_secret_access_key.get_secret_value(),
    }
    return S3Store.from_url(
        settings.media_url,
        config={name: value for name, value in given.items() if value},  # type: ignore[arg-type]
        client_options={"allow_http": True, "connect_timeout": "1s", "timeout": "5s"},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=5)},
    )
