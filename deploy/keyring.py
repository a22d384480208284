"""Keys and secrets of an installation without any: made once, kept in its data folder."""

import os
import secrets
from pathlib import Path

from deploy.programs import SERVICES
from shared.keys import new_key_pair


def key_files(folder: Path) -> dict[str, str]:
    """Settings that name the files of the keys in ``folder``; what is missing is made.

    Every service has a secret of its own, which those who call it show.
    """
    private = folder / "jwt-private.pem"
    public = folder / "jwt-public.pem"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not private.exists():
        private_pem, public_pem = new_key_pair()
        _write(public, public_pem)
        _write(private, private_pem)  # Last: where it is, its public key is there as well.
    settings = {"JWT_PRIVATE_KEY_FILE": str(private), "JWT_PUBLIC_KEYS_FILE": str(public)}
    for service in SERVICES:
        secret = folder / f"{service}-secret"
        if not secret.exists():
            _write(secret, secrets.token_urlsafe(32))
        settings[f"{service.upper()}_SECRET_FILE"] = str(secret)
        settings[f"{service.upper()}_INTERNAL_SECRETS_FILE"] = str(secret)
    return settings


def _write(path: Path, text: str) -> None:
    """Write a file for its owner's eyes; it is there whole, or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with unfinished.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
