"""Avatars: a picture that was put, or a short reference of the client's own.

The text that was put is kept as it came; everybody else sees a small rendition without
metadata. Both lie in the store under a digest that is new with every upload, so what a URL
shows never changes.
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
from shared.media.decoder import Picture
from shared.media.object_store import MediaStore
from shared.web.errors import NOT_FOUND, ApiError

_DIGEST = re.compile("[0-9a-f]{48}")
_ACCOUNT_ID = re.compile("[0-9]{1,19}")
_KEY = re.compile(r"avatars/([0-9]{1,18})/([0-9a-f]{48})/(?:original|rendition\.webp)")
FOLDER = "avatars/"

pictures = MediaStore()


class Avatar(NamedTuple):
    """What an account shows: a picture by its digest, or a reference, or neither."""

    digest: str
    reference: str


def put(account_id: int, shown: Avatar, sent: str) -> Avatar | None:
    """What the account shows from now on instead of ``shown``; None: the same as before.

    A new picture is in the store when this returns. Nothing refers to it until the account
    does.

    Raises:
        ApiError: ``sent`` is neither a picture nor a reference.
    """
    if sent == "":
        return Avatar("", "")
    if _is_unchanged(account_id, shown, sent):
        return None
    found = parse_avatar(sent, account_id)
    if isinstance(found, Picture):
        return Avatar(_store(account_id, sent, found), "")
    return Avatar("", found)


def get_original(account_id: int, shown: Avatar) -> str:
    """The very text that was put, ``""`` if there is none."""
    if not shown.digest:
        return shown.reference
    original = pictures.get(_original(account_id, shown.digest))
    return "" if original is None else original.decode()


def picture(account_id: str, digest: str) -> bytes:
    """The WebP that everybody sees."""
    found = None
    if _ACCOUNT_ID.fullmatch(account_id) and _DIGEST.fullmatch(digest):
        found = pictures.get(_rendition(account_id, digest))
    if found is None:
        raise ApiError(NOT_FOUND)
    return found


def is_kept(account_id: int, digest: str) -> bool:
    """Whether a picture is in the store, as it was put and as everybody sees it."""
    keys = _original(account_id, digest), _rendition(account_id, digest)
    return all(map(pictures.exists, keys))


def find_orphans(keys: Collection[str]) -> set[str]:
    """Those of ``keys`` that belong to a picture that its account does not show."""
    parts = {key: _KEY.fullmatch(key) for key in keys}
    ours = {key: (int(match[1]), match[2]) for key, match in parts.items() if match}
    account_ids = {account_id for account_id, _ in ours.values()}
    shown = select(Account.id, Account.avatar_digest).where(Account.id.in_(account_ids))
    named = {(row.id, row.avatar_digest) for row in db.session.execute(shown)}
    db.release()
    return {key for key, picture in ours.items() if picture not in named}


def forget(account_id: int, digest: str) -> None:
    """Remove a picture that is not shown any more."""
    if digest:
        pictures.delete(_rendition(account_id, digest))
        pictures.delete(_original(account_id, digest))


def _is_unchanged(account_id: int, shown: Avatar, sent: str) -> bool:
    if not shown.digest:
        return sent == shown.reference
    url = sent.endswith(f"/account/avatar/{account_id}/{shown.digest}")
    return url or shown.digest.startswith(_content_digest(sent))


def _store(account_id: int, original: str, image: Picture) -> str:
    digest = _content_digest(original) + secrets.token_hex(8)
    pictures.put(_original(account_id, digest), original.encode())
    with image.file as file:
        pictures.put(_rendition(account_id, digest), file)
    return digest


def _content_digest(sent: str) -> str:
    return hashlib.sha256(sent.encode()).hexdigest()[:32]


def _original(account_id: int | str, digest: str) -> str:
    return f"avatars/{account_id}/{digest}/original"


def _rendition(account_id: int | str, digest: str) -> str:
    return f"avatars/{account_id}/{digest}/rendition.webp"
