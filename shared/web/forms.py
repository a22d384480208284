"""Parse forms (``multipart/form-data``): texts into memory, uploads onto the disk."""

from collections.abc import Collection, Iterator

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from shared.web.errors import bad_parameter
from shared.web.spool import SpoolFile, spool

_MAX_PARTS = 1000
_MAX_TEXT_BYTES = 500_000  # Per form.
_CHUNK_SIZE = 64 * 1024


def read_form(uploads: Collection[str]) -> dict[str, str | SpoolFile]:
    """Read the form of the request; of several parts with one name, the first.

    Args:
        uploads: the names of the parts that are files, with or without a file name. Other files are
            skipped.

    Raises:
        ApiError: the body is not a form, or the spool is full.
        RequestEntityTooLarge: it is too long.
    """
    form: dict[str, str | SpoolFile] = {}
    texts: dict[str, bytearray] = {}
    text_bytes = 0
    target: SpoolFile | bytearray | None = None
    try:
        for event in _events():
            if isinstance(event, Field | File):
                target = None
                if event.name in uploads and event.name not in form:
                    target = form[event.name] = spool.create_file()
                elif isinstance(event, Field) and event.name not in {*uploads, *texts}:
                    target = texts[event.name] = bytearray()
            elif isinstance(event, Data) and isinstance(target, SpoolFile):
                target.write(event.data)
            elif isinstance(event, Data) and isinstance(target, bytearray):
                text_bytes += len(event.data)
                if text_bytes > _MAX_TEXT_BYTES:
                    raise RequestEntityTooLarge
                target += event.data
    except ValueError as error:
        raise bad_parameter("body") from error
    return form | {name: text.decode(errors="surrogateescape") for name, text in texts.items()}


def _events() -> Iterator[Event]:
    boundary = request.mimetype_params.get("boundary", "").encode("ascii")
    if not boundary:
        raise ValueError("no boundary")
    decoder = MultipartDecoder(boundary, _MAX_TEXT_BYTES, max_parts=_MAX_PARTS)
    at_end = False
    while not at_end:
        piece = request.stream.read(_CHUNK_SIZE)
        at_end = not piece
        decoder.receive_data(piece or None)
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            yield event
        at_end = at_end or isinstance(event, Epilogue)
