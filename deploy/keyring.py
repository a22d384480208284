"""Generate, store and rotate the keys and secrets of an installation.

``python -m deploy.keyring make FOLDER`` generates the secrets of ``docker-compose.yml``.
``rotate`` renews the token signing key and the secrets of ``/internal``; users stay signed in.
"""

import os
import secrets
import stat
import time
from pathlib import Path

import click

from deploy.ownership import give_to_owner_of
from deploy.programs import SERVICES
from shared.keys import generate_key_pair, load_private_key, load_public_keys, public_pem

_FOR_ITS_OWNER = 0o600
# Containers run as another user; the mode of the folder protects it from other host users.
_FOR_CONTAINERS = 0o644
_PRIVATE, _PUBLIC = "jwt-private.pem", "jwt-public.pem"
_WEEK = 7 * 24 * 3600

NEXT = "next"
"""The subfolder of accepted keys that are not used yet."""


def key_files(folder: Path, mode: int = _FOR_ITS_OWNER) -> dict[str, str]:
    """Return the settings with the key files of ``folder``. Missing keys are generated.

    Every service has its own secret, which its callers send.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if missing:
        give_to_owner_of(missing[-1].parent, missing[-1])
    private, public = folder / _PRIVATE, folder / _PUBLIC
    if not private.exists():
        private_pem, public_pem = generate_key_pair()
        _write(public, public_pem, mode)
        _write(private, private_pem, mode)  # Last: if it exists, its public key exists as well.
    settings = {"JWT_PRIVATE_KEY_FILE": str(private), "JWT_PUBLIC_KEYS_FILE": str(public)}
    for service in SERVICES:
        secret = folder / _secret_name(service)
        _write_once(secret, _generate_secret(), mode)
        settings[f"{service.upper()}_SECRET_FILE"] = str(secret)
        settings[f"{service.upper()}_INTERNAL_SECRETS_FILE"] = str(secret)
    return settings


def make_for_containers(folder: Path) -> None:
    """Generate the missing secrets of a production installation in ``folder``."""
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
    """First step: generate the next key and secrets, accepted in addition to the current ones.

    Raises:
        OutOfOrderError: an earlier rotation has not been finished.
    """
    next_dir = folder / NEXT
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
    """Second step: sign with the next key and send the next secrets; the old ones stay valid.

    Raises:
        OutOfOrderError: there are no next ones.
    """
    next_dir = folder / NEXT
    if not next_dir.exists():
        raise OutOfOrderError("The next key is not accepted yet: rotate accept")
    mode = _mode_of(folder)
    for service in SERVICES:
        new = next_dir / _secret_name(service)
        if new.exists():  # Otherwise it was done before an interruption.
            old = (folder / new.name).read_text().split(",")[0]
            _write(folder / new.name, f"{new.read_text()},{old}", mode)
            new.unlink()
    if (next_dir / _PRIVATE).exists():
        _write(folder / _PRIVATE, (next_dir / _PRIVATE).read_text(), mode)
        (next_dir / _PRIVATE).unlink()
    (next_dir / _PUBLIC).unlink(missing_ok=True)
    next_dir.rmdir()


def retire_previous(folder: Path, token_lifetime_seconds: float) -> None:
    """Last step: accept only the current key and secrets.

    Args:
        folder: the folder of the keys.
        token_lifetime_seconds: the lifetime of tokens of the previous key.

    Raises:
        OutOfOrderError: the next ones are not in use yet, or not for that long.
    """
    if (folder / NEXT).exists():
        raise OutOfOrderError("The next key is not in use yet: rotate use")
    private = folder / _PRIVATE
    left = private.stat().st_mtime + token_lifetime_seconds - time.time()
    if _is_unfinished(folder) and left > 0:
        raise OutOfOrderError(
            f"Tokens of the previous key live for another {left / 3600:.1f} hours. "
            "--at-once signs their owners out."
        )
    mode = _mode_of(folder)
    _write(folder / _PUBLIC, public_pem(load_private_key(private.read_text()).public_key()), mode)
    for service in SERVICES:
        secret = folder / _secret_name(service)
        _write(secret, secret.read_text().split(",")[0], mode)


class OutOfOrderError(click.ClickException):
    """A step of a rotation is out of order. The text names the next step."""


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
    """Write a file atomically.

    It gets the owner of the folder, also when root writes it.
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
_RESTART = "Restart every program, one after another or all at once"


@click.group()
def keyring() -> None:
    """Generate and rotate the keys and secrets of an installation."""


@keyring.command()
@_FOLDER
def make(folder: Path) -> None:
    """Generate the missing secrets of docker-compose.yml."""
    make_for_containers(folder)


@keyring.group()
def rotate() -> None:
    """Rotate the token signing key and the secrets of /internal. Users stay signed in.

    Three steps, with a restart of every program after each: accept, use, forget. Each can be
    repeated. The folder is DATA_DIR/keys of `make run`, or the one of `make secrets`.
    """


@rotate.command()
@_MADE
def accept(folder: Path) -> None:
    """Generate new keys and secrets, accepted in addition to the old ones."""
    prepare_rotation(folder)
    click.echo(f"The new keys are accepted. {_RESTART}; then: rotate use {folder}")


@rotate.command()
@_MADE
def use(folder: Path) -> None:
    """Sign with the new key and send the new secrets. The old ones stay valid."""
    activate_rotation(folder)
    click.echo(f"{_RESTART}; and when tokens of the old key have expired: rotate forget {folder}")


@rotate.command("forget")
@_MADE
@click.option(
    "--token-lifetime",
    "token_lifetime_seconds",
    default=_WEEK,
    envvar="TOKEN_LIFETIME_SECONDS",
    show_default=True,
    help="Lifetime of a token in seconds.",
)
@click.option("--at-once", is_flag=True, help="The old key is compromised: end its tokens.")
def retire(folder: Path, token_lifetime_seconds: int, at_once: bool) -> None:
    """Accept only the new keys and secrets."""
    retire_previous(folder, 0 if at_once else token_lifetime_seconds)
    click.echo(f"The old keys are retired. {_RESTART}.")


if __name__ == "__main__":
    keyring(prog_name="python -m deploy.keyring")
