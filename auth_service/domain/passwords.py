"""Passwords: encrypted on their way here, hashed with Argon2id at rest."""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from pydantic import SecretStr

from shared.server.offload import processor
from shared.web.errors import SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS, ApiError

_PASSWORD_PATTERN = re.compile(r"[A-Za-z0-9_]{1,20}")
_MAX_PLAINTEXT_LENGTH = 20  # A ciphertext has at least 24 characters.
_MAX_CIPHERTEXT_LENGTH = 44  # Two blocks hold 20 characters and their padding.
_LONGEST_SENT = 256  # A ciphertext with line breaks and white space, however it was wrapped.
_MAX_WAITING = 64  # Some two thirds of a second.
_MAX_WAITING_OF_ONE = 16
_COME_BACK = {"Retry-After": "1"}
_ZERO_IV = bytes(16)

_argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class TransportCipher:
    """How short secrets travel: AES-128-CBC, PKCS#7, an IV of zeros, base64."""

    def configure(self, key: SecretStr, *, allow_plaintext: bool) -> None:
        """Use a key of 16 bytes; accept passwords that come as they are if ``allow_plaintext``."""
        self._cipher = Cipher(AES128(key.get_secret_value().encode()), CBC(_ZERO_IV))
        self._plain_too = allow_plaintext

    def decrypt_password(self, sent: str) -> str | None:
        """The password in what a client sent, or None if there is no legal one in it."""
        password = (
            sent if len(sent) <= _MAX_PLAINTEXT_LENGTH and self._plain_too else self._decrypt(sent)
        )
        return password if _PASSWORD_PATTERN.fullmatch(password) else None

    def encrypt(self, text: str) -> str:
        """``text`` as a client sends a password."""
        padder, encryptor = PKCS7(128).padder(), self._cipher.encryptor()
        padded = padder.update(text.encode()) + padder.finalize()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def _decrypt(self, sent: str) -> str:
        """The text in a ciphertext; empty, and so never legal, if there is none.

        Encoders wrap lines, end with a line break, or leave the padding out.
        """
        if len(sent) > _LONGEST_SENT:
            return ""
        sent = "".join(sent.split()).rstrip("=")
        sent += "=" * (-len(sent) % 4)
        if len(sent) > _MAX_CIPHERTEXT_LENGTH:
            return ""
        decryptor, unpadder = self._cipher.decryptor(), PKCS7(128).unpadder()
        try:
            padded = decryptor.update(base64.b64decode(sent, validate=True)) + decryptor.finalize()
            return (unpadder.update(padded) + unpadder.finalize()).decode()
        except ValueError:
            return ""


transport = TransportCipher()


class HashQueue:
    """Bounds of how many wait for a hash, so that one client cannot make others wait."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._is_bounded = True

    def configure(self, *, is_bounded: bool) -> None:
        """Let any number wait unless ``is_bounded``."""
        self._is_bounded = is_bounded

    @contextmanager
    def place(self, network: str) -> Iterator[None]:
        """Let the block hash something for a client.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``, if the network has many waiting, or
                ``SERVICE_UNAVAILABLE``, if all together have.
        """
        if self._is_bounded:
            if self._waiting[network] >= _MAX_WAITING_OF_ONE:
                raise ApiError(TOO_MANY_REQUESTS, _COME_BACK)
            if self._waiting.total() >= _MAX_WAITING:
                raise ApiError(SERVICE_UNAVAILABLE, _COME_BACK)
        self._waiting[network] += 1
        try:
            yield
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]


queue = HashQueue()


def hash_password(password: str, network: str = "") -> str:
    """What is kept of a password. Takes some 20 ms of a processor, like `verify_password`.

    Args:
        password: in plain.
        network: for whom; see `HashQueue`.
    """
    with queue.place(network):
        return processor.run(_argon2.hash, password)


def verify_password(kept: str, sent: str, network: str = "") -> bool:
    """Whether a client sent the password that belongs to ``kept``."""
    try:
        # Nobody has the empty password; trying it takes as long as any other.
        with queue.place(network):
            return processor.run(_argon2.verify, kept, transport.decrypt_password(sent) or "")
    except (VerificationError, InvalidHashError):  # An erased account has no password.
        return False
