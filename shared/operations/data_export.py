"""Everything that a service keeps of one person, as an archive (ZIP) of JSON files and pictures."""

import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple, cast
from zipfile import ZIP_DEFLATED, ZipFile

import click
import orjson
from flask import Flask

from shared.data.client import UnreachableError
from shared.operations.commands import accounts_group

README = """\
Everything that is kept about account {account_id}:

auth/     the account itself
social/   friends, requests, groups of friends, blocks
chat/     conversations, messages, pictures

A README.txt in each folder says what is in its files.
"""
_BLOCK = 64 * 1024


class ExportedFile(NamedTuple):
    """One file of an archive: its name, and what is in it, piece by piece."""

    name: str
    pieces: Iterable[bytes]


def iter_json_array(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A JSON list, a row on a line, made as the rows come."""
    before = b"[\n"
    for row in rows:
        yield before + orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
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


def add_export_command(app: Flask, files: Callable[[int], Iterator[ExportedFile]]) -> None:
    """Add ``accounts export`` to ``app``.

    Args:
        app: the service.
        files: everything about an account.
    """

    @accounts_group(app).command()
    @click.argument("account_id", type=click.IntRange(1))
    @click.argument("archive", type=click.Path(path_type=Path, allow_dash=True))
    def export(account_id: int, archive: Path) -> None:
        """Write everything that this service keeps of an account into ARCHIVE, a new ZIP file.

        "-" writes to the standard output.
        """
        target = nullcontext(sys.stdout.buffer) if archive == Path("-") else atomic_write(archive)
        with target as file:
            for block in zipped(
                _announced(within(app.name.removesuffix("_service"), files(account_id)))
            ):
                file.write(block)


def zipped(files: Iterable[ExportedFile]) -> Iterator[bytes]:
    """The bytes of an archive, made as the files come."""
    made = _Sink()
    with ZipFile(cast("IO[bytes]", made), "w", ZIP_DEFLATED) as archive:
        for name, pieces in files:
            with archive.open(name, "w", force_zip64=True) as entry:
                for piece in pieces:
                    entry.write(piece)
                    yield from made.take()
    yield from made.take()


class _Sink:
    """A buffer of written bytes that were not read yet; it is not seekable."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def take(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        if pieces:
            yield b"".join(pieces)


def within(folder: str, files: Iterable[ExportedFile]) -> Iterator[ExportedFile]:
    """Files of a service, in a folder of its own."""
    return (ExportedFile(f"{folder}/{name}", pieces) for name, pieces in files)


def _announced(files: Iterable[ExportedFile]) -> Iterator[ExportedFile]:
    for name, pieces in files:
        click.echo(f"  {name}", err=True)
        yield ExportedFile(name, pieces)


def lines_of(files: Iterable[ExportedFile]) -> Iterator[bytes]:
    """Files as lines of JSON, for another service; the last one says that all are there."""
    for name, pieces in files:
        for block in _in_blocks(pieces):
            yield orjson.dumps({"name": name, "data": b64encode(block).decode()}) + b"\n"
    yield orjson.dumps({"is_whole": True}) + b"\n"


def files_of(lines: Iterable[bytes]) -> Iterator[ExportedFile]:
    """The files that `lines_of` made lines of; each must be read before the next.

    Raises:
        UnreachableError: the last line is missing.
    """
    for name, blocks in groupby(_blocks_of(lines), key=itemgetter(0)):
        yield ExportedFile(name, map(itemgetter(1), blocks))


def _blocks_of(lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    for line in lines:
        fields = orjson.loads(line)
        if fields.get("is_whole"):
            return
        yield fields["name"], b64decode(fields["data"])
    raise UnreachableError("the export broke off")


def _in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of some size; of nothing, one that is empty."""
    block, is_empty = b"", True
    for piece in pieces:
        block += piece
        if len(block) >= _BLOCK:
            yield block
            block, is_empty = b"", False
    if block or is_empty:
        yield block
