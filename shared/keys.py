"""Ed25519 keys of the tokens. The id of a key (``kid``) is derived from the key."""

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

_PEM_BLOCK = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)


def key_id(key: Ed25519PublicKey) -> str:
    """Compute the ``kid`` of a key: the start of the digest of its bytes."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()[:12]).decode()


def load_public_keys(pem: str) -> dict[str, Ed25519PublicKey]:
    """Load all public keys of a PEM text, by their ids.

    Raises:
        ValueError: the text contains no key, or one that is not Ed25519.
    """
    keys = [load_pem_public_key(block.encode()) for block in _PEM_BLOCK.findall(pem)]
    if not keys:
        raise ValueError("holds no PEM public key")
    accepted = {key_id(key): key for key in keys if isinstance(key, Ed25519PublicKey)}
    if len(accepted) != len(keys):
        raise ValueError("holds a key that is not Ed25519, or one twice")
    return accepted


def load_private_key(pem: str) -> Ed25519PrivateKey:
    """Load the private key of a PEM text.

    Raises:
        ValueError: the text is no private key, or the key is not Ed25519.
    """
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("is not an Ed25519 private key")
    return key


def generate_key_pair() -> tuple[str, str]:
    """Generate a private key and its public key, both as PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), public_pem(key.public_key())


def public_pem(key: Ed25519PublicKey) -> str:
    """Encode a public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
