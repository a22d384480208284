"""Image files of messages and groups.

A client needs only the name of a file to get it, so names cannot be guessed. The content of a name
never changes.
"""

import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import select, text, union_all

from chat_service.db import db
from chat_service.models import Conversation, Message
from shared.media.decoder import EncodedImage
from shared.media.object_store import MediaStore, StoredFile
from shared.web.errors import NOT_FOUND, ApiError

media_store = MediaStore()

_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_NAME = re.compile(rf"[A-Za-z0-9_-]{{32}}\.({'|'.join(_TYPES)})", re.ASCII)


class StoredImage(NamedTuple):
    """A stored image, opened for reading."""

    media_type: str
    file: StoredFile


@contextmanager
def stored_image(picture: EncodedImage | None) -> Iterator[str]:
    """Store a picture under a new name, and delete it if the block raises an `ApiError`.

    After another error the transaction may have been committed, so the file stays. If no row
    refers to it, the ``clean`` command deletes it.

    Yields:
        the name, ``""`` for no picture.
    """
    name = f"{secrets.token_urlsafe(24)}.{picture.extension}" if picture else ""
    if picture:
        with picture.file as file:
            media_store.put(name, file)
    try:
        yield name
    except ApiError:
        delete_image(name)
        raise


def open_image(name: str) -> StoredImage:
    """Open the image of this name.

    Raises:
        ApiError: ``NOT_FOUND``.
    """
    well_formed = _NAME.fullmatch(name)
    file = media_store.open(name) if well_formed else None
    if well_formed is None or file is None:
        raise ApiError(NOT_FOUND)
    return StoredImage(_TYPES[well_formed[1]], file)


def are_same_image(name: str, other: str) -> bool:
    """Whether two files are equal. A deleted file equals every file."""
    files = [media_store.open(each) for each in (name, other)]
    return len({_hash_file(file) for file in files if file is not None}) < 2


def _hash_file(file: StoredFile) -> bytes:
    digest = sha256()
    for piece in file.chunks:
        digest.update(piece)
    return digest.digest()


def is_url_of(name: str, reference: str) -> bool:
    """Whether ``reference`` is the URL of the file ``name``, with any base."""
    return name != "" and reference.endswith(f"/media/{name}")


def delete_image(name: str) -> None:
    """Delete the file of this name, unless it is ``""``."""
    if name:
        media_store.delete(name)


def find_orphans(keys: Collection[str]) -> set[str]:
    """Select those of ``keys`` that are names of images and that no row refers to."""
    names = {key for key in keys if _NAME.fullmatch(key)}
    # The databases use a partial index only for its literal condition.
    sent = select(Message.content).where(text("type = 1"), Message.content.in_(names))
    avatars = select(Conversation.avatar_digest).where(
        text("avatar_digest <> ''"), Conversation.avatar_digest.in_(names)
    )
    referenced = db.session.execute(union_all(sent, avatars)).scalars().all()
    db.release()
    return names.difference(referenced)


def delete_after_commit(names: Collection[str]) -> None:
    """Delete these files once the running transaction has been committed."""

    def delete_all() -> None:
        for name in names:
            delete_image(name)

    db.after_commit(delete_all)
