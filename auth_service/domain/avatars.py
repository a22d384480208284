"""Avatars: an uploaded image, or a short reference of the client.

The uploaded text is stored unchanged for its owner. Other users get a thumbnail without
metadata. Both have keys with a digest that is new for every upload, so the content of a URL
never changes.
"""

import hashlib
import re
import secrets
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select

from auth_service.db import db
from auth_service.models import Account
from shared.media.avatars import parse_avatar
from shared.media.decoder import EncodedImage
from shared.media.object_store import MediaStore
from shared.web.errors import NOT_FOUND, ApiError

_DIGEST = re.compile("[0-9a-f]{48}")
_ACCOUNT_ID = re.compile("[0-9]{1,19}")
_KEY = re.compile(r"avatars/([0-9]{1,18})/([0-9a-f]{48})/(?:original|rendition\.webp)")
FOLDER = "avatars/"

media_store = MediaStore()


class Avatar(NamedTuple):
    """The avatar of an account: an image by its digest, or a reference, or neither."""

    digest: str
    reference: str


def save_avatar(account_id: int, shown: Avatar, sent: str) -> Avatar | None:
    """Store a new avatar that replaces ``shown``; None: it is unchanged.

    A new image is in the store when this returns. It is unreferenced until the account is
    updated.

    Raises:
        ApiError: ``sent`` is neither an image nor a reference.
    """
    if sent == "":
        return Avatar("", "")
    if _is_unchanged(account_id, shown, sent):
        return None
    avatar_image = parse_avatar(sent, account_id)
    if isinstance(avatar_image, EncodedImage):
        return Avatar(_store(account_id, sent, avatar_image), "")
    return Avatar("", avatar_image)


def get_original(account_id: int, shown: Avatar) -> str:
    """Read the text as it was uploaded; ``""`` if there is none."""
    if not shown.digest:
        return shown.reference
    original = media_store.get(_original(account_id, shown.digest))
    return "" if original is None else original.decode()


def get_thumbnail(account_id: str, digest: str) -> bytes:
    """Open the WebP thumbnail that other users get."""
    avatar_image = None
    if _ACCOUNT_ID.fullmatch(account_id) and _DIGEST.fullmatch(digest):
        avatar_image = media_store.get(_rendition(account_id, digest))
    if avatar_image is None:
        raise ApiError(NOT_FOUND)
    return avatar_image


def exists(account_id: int, digest: str) -> bool:
    """Whether an image is in the store, both as the original and as the thumbnail."""
    keys = _original(account_id, digest), _rendition(account_id, digest)
    return all(map(media_store.exists, keys))


def find_orphans(keys: Collection[str]) -> set[str]:
    """Find those of ``keys`` whose image is not the avatar of its account."""
    parts = {key: _KEY.fullmatch(key) for key in keys}
    ours = {key: (int(match[1]), match[2]) for key, match in parts.items() if match}
    account_ids = {account_id for account_id, _ in ours.values()}
    shown = select(Account.id, Account.avatar_digest).where(Account.id.in_(account_ids))
    named = {(row.id, row.avatar_digest) for row in db.session.execute(shown)}
    return {key for key, picture in ours.items() if picture not in named}


def delete_avatar(account_id: int, digest: str) -> None:
    """Delete a replaced image."""
    if digest:
        media_store.delete(_rendition(account_id, digest))
        media_store.delete(_original(account_id, digest))


def _is_unchanged(account_id: int, shown: Avatar, sent: str) -> bool:
    if not shown.digest:
        return sent == shown.reference
    url = sent.endswith(f"/account/avatar/{account_id}/{shown.digest}")
    return url or shown.digest.startswith(_content_digest(sent))


def _store(account_id: int, original: str, image: EncodedImage) -> str:
    digest = _content_digest(original) + secrets.token_hex(8)
    media_store.put(_original(account_id, digest), original.encode())
    with image.file as file:
        media_store.put(_rendition(account_id, digest), file)
    return digest


def _content_digest(sent: str) -> str:
    return hashlib.sha256(sent.encode()).hexdigest()[:32]


def _original(account_id: int | str, digest: str) -> str:
    return f"avatars/{account_id}/{digest}/original"


def _rendition(account_id: int | str, digest: str) -> str:
    return f"avatars/{account_id}/{digest}/rendition.webp"
