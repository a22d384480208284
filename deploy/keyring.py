"""Keys and secrets of an installation without any: made once, kept in a folder.

``python -m deploy.keyring FOLDER`` makes those that ``docker-compose.yml`` asks for.
"""

import os
import secrets
import sys
from pathlib import Path

from deploy.programs import SERVICES
from shared.keys import new_key_pair

_FOR_ITS_OWNER = 0o600
# Containers run as a user of their own; the folder keeps everybody else on the host out.
_FOR_CONTAINERS = 0o644


def key_files(folder: Path, mode: int = _FOR_ITS_OWNER) -> dict[str, str]:
    """Settings that name the files of the keys in ``folder``; what is missing is made.

    Every service has a secret of its own, which those who call it show.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = folder / "jwt-private.pem"
    public = folder / "jwt-public.pem"
    if not private.exists():
        private_pem, public_pem = new_key_pair()
        _write(public, public_pem, mode)
        _write(private, private_pem, mode)  # Last: where it is, its public key is there as well.
    settings = {"JWT_PRIVATE_KEY_FILE": str(private), "JWT_PUBLIC_KEYS_FILE": str(public)}
    for service in SERVICES:
        secret = folder / f"{service}-secret"
        _write_once(secret, _random(), mode)
        settings[f"{service.upper()}_SECRET_FILE"] = str(secret)
        settings[f"{service.upper()}_INTERNAL_SECRETS_FILE"] = str(secret)
    return settings


def make_for_containers(folder: Path) -> None:
    """Make the secrets of a production installation in ``folder``, whatever of them is missing."""
    key_files(folder, _FOR_CONTAINERS)
    for service in SERVICES:
        name = service.removesuffix("_service")
        url = f"postgresql+psycopg://{name}:{_random()}@postgres/{name}"
        _write_once(folder / f"{service}-database-url", url, _FOR_CONTAINERS)
    for name in ("postgres-password", "object-store-password"):
        _write_once(folder / name, _random(), _FOR_CONTAINERS)


def _random() -> str:
    return secrets.token_urlsafe(32)


def _write_once(path: Path, text: str, mode: int) -> None:
    if not path.exists():
        _write(path, text, mode)


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file so that it is there whole, or not at all, whatever happens meanwhile."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=_FOR_ITS_OWNER)
    with unfinished.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.chmod(mode)
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


if __name__ == "__main__":
    make_for_containers(Path(sys.argv[1]))
