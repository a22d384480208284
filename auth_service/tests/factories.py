"""Rows with default values, and values that clients of the API create."""

import base64
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from flask import Flask
from PIL import Image

from auth_service.config import DEVELOPMENT_KEY
from auth_service.db import db
from auth_service.domain.passwords import hash_password
from auth_service.models import Account

ALICE, BOB = 1, 2
PASSWORD = "pass_word1"

_hashed = cache(hash_password)


def make_account(app: Flask, account_id: int, name: str, **columns: Any) -> None:
    """Create an account with `PASSWORD`, and an e-mail address derived from its name."""
    email = f"{name}@Example.com"
    row = {
        "id": account_id,
        "name": name,
        "email": email,
        "email_key": email.lower(),
        "password_hash": _hashed(PASSWORD, network=""),
        "created_at": datetime.now(UTC),
    }
    with app.app_context(), db.transaction():
        db.session.add(Account(**(row | columns)))


def email_of(name: str) -> str:
    """Return the address of an account of `make_account`."""
    return f"{name}@example.com"


def encrypted(text: str, key: str = DEVELOPMENT_KEY) -> str:
    """Encrypt a password as the API document specifies."""
    padding = 16 - len(text.encode()) % 16
    encryptor = _cipher(key).encryptor()
    padded = text.encode() + bytes([padding]) * padding
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypted(ciphertext: str, key: str = DEVELOPMENT_KEY) -> str:
    """Decrypt a ciphertext of the response of ``/verify``."""
    decryptor = _cipher(key).decryptor()
    padded = decryptor.update(base64.b64decode(ciphertext)) + decryptor.finalize()
    return padded[: -padded[-1]].decode()


def _cipher(key: str) -> Cipher[CBC]:
    return Cipher(AES128(key.encode()), CBC(bytes(16)))


def picture(kind: str = "PNG", size: tuple[int, int] = (640, 480), colour: str = "navy") -> bytes:
    """Create an encoded image."""
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def bare(image: bytes) -> str:
    """Encode bytes as base64."""
    return base64.b64encode(image).decode()


def data_uri(image: bytes, kind: str = "png") -> str:
    """Encode bytes as the data URI of an image."""
    return f"data:image/{kind};base64,{bare(image)}"
