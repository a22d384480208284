"""Export of all data of an account as a ZIP archive of JSON files and images."""

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
All stored data of account {account_id}:

auth/     the account itself
social/   friends, requests, groups of friends, blocks
chat/     conversations, messages, pictures

README.txt in each folder describes its files.
"""
_BLOCK = 64 * 1024


class ExportedFile(NamedTuple):
    """A file of an archive: its name and its chunks."""

    name: str
    chunks: Iterable[bytes]


def iter_json_array(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Stream a JSON list with one row per line."""
    before = b"[\n"
    for row in rows:
        yield before + orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Write a new private file atomically: it exists only if the block succeeds.

    Raises:
        ClickException: the file exists, or cannot be written.
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
        files: yields all files of an account.
    """

    @accounts_group(app).command()
    @click.argument("account_id", type=click.IntRange(1))
    @click.argument("archive", type=click.Path(path_type=Path, allow_dash=True))
    def export(account_id: int, archive: Path) -> None:
        """Export all data of an account in this service to ARCHIVE, a new ZIP file.

        "-" writes to the standard output.
        """
        target = nullcontext(sys.stdout.buffer) if archive == Path("-") else atomic_write(archive)
        with target as file:
            for block in zipped(
                _announced(within(app.name.removesuffix("_service"), files(account_id)))
            ):
                file.write(block)


def zipped(files: Iterable[ExportedFile]) -> Iterator[bytes]:
    """Stream the bytes of an archive."""
    made = _Sink()
    with ZipFile(cast("IO[bytes]", made), "w", ZIP_DEFLATED) as archive:
        for name, chunks in files:
            with archive.open(name, "w", force_zip64=True) as entry:
                for chunk in chunks:
                    entry.write(chunk)
                    yield from made.pop()
    yield from made.pop()


class _Sink:
    """A buffer of written bytes that were not read yet; it is not seekable."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, chunk: bytes) -> int:
        self._chunks.append(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        pass

    def pop(self) -> Iterator[bytes]:
        chunks, self._chunks = self._chunks, []
        if chunks:
            yield b"".join(chunks)


def within(folder: str, files: Iterable[ExportedFile]) -> Iterator[ExportedFile]:
    """Put the files of a service into a folder."""
    return (ExportedFile(f"{folder}/{name}", chunks) for name, chunks in files)


def _announced(files: Iterable[ExportedFile]) -> Iterator[ExportedFile]:
    for name, chunks in files:
        click.echo(f"  {name}", err=True)
        yield ExportedFile(name, chunks)


def lines_of(files: Iterable[ExportedFile]) -> Iterator[bytes]:
    """Encode files as JSON lines for another service; the last line marks the end."""
    for name, chunks in files:
        for block in _in_blocks(chunks):
            yield orjson.dumps({"name": name, "data": b64encode(block).decode()}) + b"\n"
    yield orjson.dumps({"is_whole": True}) + b"\n"


def files_of(lines: Iterable[bytes]) -> Iterator[ExportedFile]:
    """Decode the files of `lines_of`. Read each file before the next one.

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
    raise UnreachableError("the export was incomplete")


def _in_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Split bytes into chunks of a size; empty bytes are one empty chunk."""
    block, is_empty = b"", True
    for chunk in chunks:
        block += chunk
        if len(block) >= _BLOCK:
            yield block
            block, is_empty = b"", False
    if block or is_empty:
        yield block
