"""The compressed pixels of a PNG frame."""

import zlib
from collections.abc import Iterable, Iterator

from shared.media.imaging.container import BadImageError

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # Channels of a pixel, by colour type.
# Adam7: the position of the first pixel of each pass, and the distances of its pixels.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_MAX_FILTER = 4
_INPUT_BYTES = 16 << 10
_OUTPUT_BYTES = 256 << 10


def verify_pixels(header: bytes, width: int, height: int, parts: Iterable[bytes]) -> None:
    """Inflate the pixels without storing them, and check the filter of each row.

    Args:
        header: the body of ``IHDR``.
        width: the width of the frame.
        height: the height of the frame.
        parts: the compressed data.

    Raises:
        BadImageError: the data are invalid or incomplete.
    """
    passes = _passes(header, width, height)
    stride, rows = next(passes)
    next_row = 0  # The start of the row in the block.
    for block in _inflated(parts):
        while rows and next_row < len(block):
            count = min(rows, -(-(len(block) - next_row) // stride))
            if max(block[next_row : next_row + count * stride : stride]) > _MAX_FILTER:
                raise BadImageError("an unknown filter")
            next_row += count * stride
            rows -= count
            if not rows:
                stride, rows = next(passes, (0, 0))
        next_row -= len(block)
        if not rows and next_row <= 0:
            return
    raise BadImageError("pixels are missing")


def _passes(header: bytes, width: int, height: int) -> Iterator[tuple[int, int]]:
    """Yield the bytes per row and the number of rows of each pass with pixels."""
    bits = _SAMPLES[header[9]] * header[8]
    for x, y, across, down in _ADAM7 if header[12] else ((0, 0, 1, 1),):
        columns = -(-(width - x) // across)
        rows = -(-(height - y) // down)
        if columns > 0 and rows > 0:
            yield 1 + (columns * bits + 7) // 8, rows


def _inflated(parts: Iterable[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    pieces = (
        part[at : at + _INPUT_BYTES] for part in parts for at in range(0, len(part), _INPUT_BYTES)
    )
    try:
        for piece in pieces:
            output = inflate.decompress(piece, _OUTPUT_BYTES)
            while output:
                yield output
                output = inflate.decompress(inflate.unconsumed_tail, _OUTPUT_BYTES)
            if inflate.eof:
                return
    except zlib.error as error:
        raise BadImageError("broken pixels") from error
