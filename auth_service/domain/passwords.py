"""Passwords: encrypted in transit, hashed with Argon2id at rest."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from pydantic import SecretStr

from shared.server.offload import cpu_pool
from shared.web.errors import TOO_MANY_REQUESTS, ApiError
from shared.web.fair_queue import FairQueue
from shared.web.request_waits import release_database_connection, requester_is_gone

_PASSWORD_PATTERN = re.compile(r"[A-Za-z0-9_]{1,20}")
_MAX_PLAINTEXT_LENGTH = 20  # A ciphertext has at least 24 characters.
_MAX_CIPHERTEXT_LENGTH = 44  # Two blocks hold 20 characters and their padding.
_LONGEST_SENT = 256  # A ciphertext with line breaks and white space.
_MAX_WAITING = 64  # They take about two thirds of a second.
_MAX_WAITING_OF_ONE = 16
_AT_ONCE = 2
_TURN_TIMEOUT = 5.0
_ZERO_IV = bytes(16)

_argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class TransportCipher:
    """Transport encryption of short secrets: AES-128-CBC, PKCS#7, an IV of zeros, base64."""

    def configure(self, key: SecretStr, *, allow_plaintext: bool) -> None:
        """Set the key of 16 bytes, and whether plaintext passwords are accepted."""
        self._cipher = Cipher(AES128(key.get_secret_value().encode()), CBC(_ZERO_IV))
        self._plain_too = allow_plaintext

    def decrypt_password(self, sent: str) -> str | None:
        """Decrypt the password sent by a client; None if it contains no valid one."""
        password = (
            sent if len(sent) <= _MAX_PLAINTEXT_LENGTH and self._plain_too else self._decrypt(sent)
        )
        return password if _PASSWORD_PATTERN.fullmatch(password) else None

    def encrypt(self, text: str) -> str:
        """Encrypt ``text`` as clients encrypt passwords."""
        padder, encryptor = PKCS7(128).padder(), self._cipher.encryptor()
        padded = padder.update(text.encode()) + padder.finalize()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def _decrypt(self, sent: str) -> str:
        """Decrypt a ciphertext; an invalid one results in an empty, hence invalid, text.

        Encoders can wrap lines, end with a line break, or omit the padding.
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


def _refuse_network() -> ApiError:
    return ApiError(TOO_MANY_REQUESTS, {"Retry-After": "1"})


class HashQueue:
    """Hashes of all networks in turn, and few of each, so that one client cannot delay others."""

    def __init__(self) -> None:
        self._queue = FairQueue(_MAX_WAITING, _MAX_WAITING_OF_ONE, _AT_ONCE, _refuse_network)
        self._is_bounded = True

    def configure(self, *, is_bounded: bool) -> None:
        """Set whether the queue is bounded."""
        self._is_bounded = is_bounded

    @contextmanager
    def place(self, network: str) -> Iterator[None]:
        """Run a block that hashes a password for a client.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS`` if the network has too many waiting hashes,
                ``SERVICE_UNAVAILABLE`` if all networks together have, or its turn does not come.
        """
        if not self._is_bounded:
            yield
            return
        release_database_connection()
        with self._queue.turn(network, monotonic() + _TURN_TIMEOUT, requester_is_gone):
            yield


queue = HashQueue()


def hash_password(password: str, network: str) -> str:
    """Hash a password. Takes about 20 ms of processor time, like `verify_password`.

    Args:
        password: the plaintext.
        network: of the client; see `HashQueue`.
    """
    with queue.place(network):
        return cpu_pool.run(_argon2.hash, password)


def verify_password(password_hash: str, sent: str, network: str) -> bool:
    """Whether a client sent the password that belongs to ``password_hash``."""
    try:
        # No account has the empty password; verifying it takes as long as any other.
        with queue.place(network):
            return cpu_pool.run(
                _argon2.verify, password_hash, transport.decrypt_password(sent) or ""
            )
    except (VerificationError, InvalidHashError):  # An erased account has no password.
        return False
