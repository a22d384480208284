"""Keys and secrets of an installation without any: made once, kept in a folder, renewed there.

``python -m deploy.keyring make FOLDER`` makes those that ``docker-compose.yml`` asks for, and
``rotate`` renews what signs tokens and guards ``/internal`` without logging anybody out.
"""

import os
import secrets
import stat
import time
from pathlib import Path

import click

from deploy.ownership import give_to_owner_of
from deploy.programs import SERVICES
from shared.keys import generate_key_pair, load_public_keys, private_key, public_pem

_FOR_ITS_OWNER = 0o600
# Containers run as a user of their own; the folder keeps everybody else on the host out.
_FOR_CONTAINERS = 0o644
_PRIVATE, _PUBLIC = "jwt-private.pem", "jwt-public.pem"
_NEXT = "next"  # A folder in the folder: what is accepted but not used yet.
_WEEK = 7 * 24 * 3600


def key_files(folder: Path, mode: int = _FOR_ITS_OWNER) -> dict[str, str]:
    """Settings that name the files of the keys in ``folder``; what is missing is made.

    Every service has a secret of its own, which those who call it show.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if missing:
        give_to_owner_of(missing[-1].parent, missing[-1])
    private, public = folder / _PRIVATE, folder / _PUBLIC
    if not private.exists():
        private_pem, public_pem = generate_key_pair()
        _write(public, public_pem, mode)
        _write(private, private_pem, mode)  # Last: where it is, its public key is there as well.
    settings = {"JWT_PRIVATE_KEY_FILE": str(private), "JWT_PUBLIC_KEYS_FILE": str(public)}
    for service in SERVICES:
        secret = folder / _secret_name(service)
        _write_once(secret, _generate_secret(), mode)
        settings[f"{service.upper()}_SECRET_FILE"] = str(secret)
        settings[f"{service.upper()}_INTERNAL_SECRETS_FILE"] = str(secret)
    return settings


def make_for_containers(folder: Path) -> None:
    """Make the secrets of a production installation in ``folder``, whatever of them is missing."""
    key_files(folder, _FOR_CONTAINERS)
    for service in SERVICES:
        name = service.removesuffix("_service")
        url = f"postgresql+psycopg://{name}:{_generate_secret()}@postgres/{name}"
        _write_once(folder / f"{service}-database-url", url, _FOR_CONTAINERS)
    for name in ("postgres-password", "redis-password"):
        _write_once(folder / name, _generate_secret(), _FOR_CONTAINERS)
    password = (folder / "redis-password").read_text()
    _write_once(folder / "redis-url", f"redis://:{password}@redis:6379/0", _FOR_CONTAINERS)


def prepare_rotation(folder: Path) -> None:
    """First step: make the next key and secrets, to be accepted beside those in use.

    Raises:
        OutOfOrderError: an earlier rotation has not been finished.
    """
    next_dir = folder / _NEXT
    if not next_dir.exists() and _is_unfinished(folder):
        raise OutOfOrderError("The rotation before is not finished: rotate forget")
    mode = _mode_of(folder)
    key_files(next_dir, mode)
    public, next_public = ((place / _PUBLIC).read_text() for place in (folder, next_dir))
    if next_public not in public:
        _write(folder / _PUBLIC, public + next_public, mode)
    for service in SERVICES:
        old, new = ((place / _secret_name(service)).read_text() for place in (folder, next_dir))
        if new not in old:
            _write(folder / _secret_name(service), f"{old},{new}", mode)


def activate_rotation(folder: Path) -> None:
    """Second step: sign with the next key and show the next secrets; the old ones still work.

    Raises:
        OutOfOrderError: there are no next ones.
    """
    next_dir = folder / _NEXT
    if not next_dir.exists():
        raise OutOfOrderError("Nothing new is accepted yet: rotate accept")
    mode = _mode_of(folder)
    for service in SERVICES:
        new = next_dir / _secret_name(service)
        if new.exists():  # Else it was taken before this was interrupted.
            old = (folder / new.name).read_text().split(",")[0]
            _write(folder / new.name, f"{new.read_text()},{old}", mode)
            new.unlink()
    if (next_dir / _PRIVATE).exists():
        _write(folder / _PRIVATE, (next_dir / _PRIVATE).read_text(), mode)
        (next_dir / _PRIVATE).unlink()
    (next_dir / _PUBLIC).unlink(missing_ok=True)
    next_dir.rmdir()


def retire_previous(folder: Path, token_lifetime_seconds: float) -> None:
    """Last step: accept nothing but what is in use.

    Args:
        folder: of the keys.
        token_lifetime_seconds: seconds for which tokens of the previous key may still live.

    Raises:
        OutOfOrderError: the next ones are not in use yet, or not for that long.
    """
    if (folder / _NEXT).exists():
        raise OutOfOrderError("The next key is not in use yet: rotate use")
    private = folder / _PRIVATE
    left = private.stat().st_mtime + token_lifetime_seconds - time.time()
    if _is_unfinished(folder) and left > 0:
        raise OutOfOrderError(
            f"Tokens of the previous key live for another {left / 3600:.1f} hours. "
            "--at-once signs their owners out."
        )
    mode = _mode_of(folder)
    _write(folder / _PUBLIC, public_pem(private_key(private.read_text()).public_key()), mode)
    for service in SERVICES:
        secret = folder / _secret_name(service)
        _write(secret, secret.read_text().split(",")[0], mode)


class OutOfOrderError(click.ClickException):
    """Why a step of a rotation cannot be taken now, and which one can."""


def _is_unfinished(folder: Path) -> bool:
    return len(load_public_keys((folder / _PUBLIC).read_text())) > 1


def _mode_of(folder: Path) -> int:
    return stat.S_IMODE((folder / _PRIVATE).stat().st_mode)


def _secret_name(service: str) -> str:
    return f"{service}-secret"


def _generate_secret() -> str:
    return secrets.token_urlsafe(32)


def _write_once(path: Path, text: str, mode: int) -> None:
    if not path.exists():
        _write(path, text, mode)


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file so that it is there whole, or not at all, whatever happens meanwhile.

    It belongs to the owner of the folder, also when root writes it.
    """
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=_FOR_ITS_OWNER)
    with unfinished.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.chmod(mode)
    give_to_owner_of(path.parent, unfinished)
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_FOLDER = click.argument("folder", type=click.Path(path_type=Path))
_MADE = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_RESTART = "Now restart every program, one after the other or all at once"


@click.group()
def keyring() -> None:
    """Make and renew the keys and secrets of an installation."""


@keyring.command()
@_FOLDER
def make(folder: Path) -> None:
    """Make what docker-compose.yml asks for, whatever of it is missing."""
    make_for_containers(folder)


@keyring.group()
def rotate() -> None:
    """Renew the key that signs tokens and the secrets of /internal; nobody is signed out.

    Three steps, with a restart of every program after each: accept, use, forget. Each is safe to
    repeat. The folder is DATA_DIR/keys of `make run`, or the one of `make secrets`.
    """


@rotate.command()
@_MADE
def accept(folder: Path) -> None:
    """Make new ones, which are accepted beside the old."""
    prepare_rotation(folder)
    click.echo(f"New ones are made. {_RESTART}; then: rotate use {folder}")


@rotate.command()
@_MADE
def use(folder: Path) -> None:
    """Sign with the new key and show the new secrets; the old are still accepted."""
    activate_rotation(folder)
    click.echo(f"{_RESTART}; and when tokens of the old key have expired: rotate forget {folder}")


@rotate.command()
@_MADE
@click.option(
    "--token-lifetime",
    "token_lifetime_seconds",
    default=_WEEK,
    envvar="TOKEN_LIFETIME_SECONDS",
    show_default=True,
    help="Seconds that a token lives.",
)
@click.option("--at-once", is_flag=True, help="The old key is in wrong hands: end its tokens.")
def forget(folder: Path, token_lifetime_seconds: int, at_once: bool) -> None:
    """Accept nothing but the new ones."""
    retire_previous(folder, 0 if at_once else token_lifetime_seconds)
    click.echo(f"The old ones are forgotten. {_RESTART}.")


if __name__ == "__main__":
    keyring(prog_name="python -m deploy.keyring")
