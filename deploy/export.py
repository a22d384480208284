"""Export all data of one account: ``python -m deploy.export ID FILE.zip``.

It exports from each service on ``DATA_DIR``, which can be running or stopped.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copyfileobj
from zipfile import ZIP_DEFLATED, ZipFile

import click

from deploy.environment import environment_of_existing_run
from deploy.programs import SERVICES, environment_of
from shared.operations.data_export import README, atomic_write
from shared.settings import SettingsError


@click.command(help=__doc__)
@click.argument("account_id", type=click.IntRange(1))
@click.argument("file", type=click.Path(path_type=Path))
def main(account_id: int, file: Path) -> None:
    """Combine the exports of all services."""
    try:
        env = environment_of_existing_run(os.environ)
    except SettingsError as wrong:
        raise click.ClickException(str(wrong)) from None
    with (
        tempfile.TemporaryDirectory() as folder,
        atomic_write(file) as target,
        ZipFile(target, "w", ZIP_DEFLATED) as whole,
    ):
        whole.writestr("README.txt", README.format(account_id=account_id))
        for service in SERVICES:
            part = Path(folder, f"{service}.zip")
            export = [sys.executable, "-m", service, "accounts", "export"]
            done = subprocess.run(
                [*export, str(account_id), str(part)],
                env=environment_of(service, env),
                check=False,
            )
            if done.returncode:
                raise click.ClickException(f"{service} could not export; nothing is written.")
            _add(whole, part)
    click.echo(f"Everything about account {account_id} is in {file}.")


def _add(whole: ZipFile, part: Path) -> None:
    with ZipFile(part) as archive:
        for name in archive.namelist():
            with archive.open(name) as source, whole.open(name, "w", force_zip64=True) as target:
                copyfileobj(source, target)


if __name__ == "__main__":
    main()
