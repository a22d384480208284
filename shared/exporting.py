"""Everything that a service keeps of one person, as an archive (ZIP) of JSON files and pictures."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

import click
import orjson
from flask import Flask

from shared.commands import accounts_group


class ExportedFile(NamedTuple):
    """One file of an archive: its name, and what is in it, piece by piece."""

    name: str
    pieces: Iterable[bytes]


def json_list(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A JSON list, a row on a line, made as the rows come."""
    before = b"[\n"
    for row in rows:
        yield before + orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner alone, there when the block has ended without error, or not at all.

    Raises:
        ClickException: there is such a file already, or it cannot be written.
    """
    if path.exists():
        raise click.ClickException(f"{path} exists already.")
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with unfinished.open("wb") as file:
            yield file
        unfinished.rename(path)
    except OSError as error:
        raise click.ClickException(f"{path}: {os.strerror(error.errno or 0)}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def add_export(app: Flask, files: Callable[[int], Iterator[ExportedFile]]) -> None:
    """Add ``accounts export`` to ``app``.

    Args:
        app: the service.
        files: everything about an account.
    """
    folder = app.name.removesuffix("_service")

    @accounts_group(app).command()
    @click.argument("account_id", type=click.IntRange(1))
    @click.argument("archive", type=click.Path(path_type=Path, allow_dash=True))
    def export(account_id: int, archive: Path) -> None:
        """Write everything that this service keeps of an account into ARCHIVE, a new ZIP file.

        "-" writes to the standard output.
        """
        target = nullcontext(sys.stdout.buffer) if archive == Path("-") else written_whole(archive)
        with target as file:
            _write(file, folder, files(account_id))


def _write(file: IO[bytes], folder: str, files: Iterator[ExportedFile]) -> None:
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, pieces in files:
            size = 0
            with archive.open(f"{folder}/{name}", "w", force_zip64=True) as entry:
                for piece in pieces:
                    size += entry.write(piece)
            click.echo(f"  {folder}/{name}: {size} bytes", err=True)
