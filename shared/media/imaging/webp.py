"""WebP, as https://developers.google.com/speed/webp/docs/riff_container defines it."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shared.media.imaging.container import BadImageError, Container, Reader

_ANIMATED, _ALPHA = 0x02, 0x10
_PIXELS = frozenset({b"VP8 ", b"VP8L"})
_LOSSLESS = b"VP8L"


class Chunk(NamedTuple):
    """A chunk of a file, without its length."""

    name: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class WebP(Container):
    """A WebP without metadata."""

    is_animated: bool = False
    is_lossless: bool = False
    animation: bytes = b""
    """Background and loops of an animation."""
    durations: tuple[int, ...] = ()
    """Duration of each frame in milliseconds."""


def is_webp(data: bytes) -> bool:
    """Whether the file has the header of a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def parse(data: bytes) -> WebP:
    """Parse a WebP. Trailing data are dropped."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) + 1:  # Some encoders omit the last byte of padding.
        raise BadImageError("cut off")
    chunks = list(_chunks(data[12:end]))
    by_name = {chunk.name: chunk.body for chunk in reversed(chunks)}  # The first of several.
    extended = by_name.get(b"VP8X")
    is_animated = bool(extended and extended[0] & _ANIMATED)
    bodies = [chunk.body for chunk in chunks if chunk.name == b"ANMF"] if is_animated else []
    animation = Chunk(b"ANIM", (by_name.get(b"ANIM", b"") + bytes(6))[:6])
    if is_animated:
        frames = [_image(_chunks(body[16:])) for body in bodies]
        output = [animation]
        for body, frame in zip(bodies, frames, strict=True):
            output.append(Chunk(b"ANMF", body[:16] + _encode(frame)))
    else:
        frames = [_image(chunks)]
        output = list(frames[0])
    if not frames or not all(frames):
        raise BadImageError("a frame without an image")
    if extended is None:
        output = output[-1:]
        width, height = _size(*output[0])
    else:
        size = Reader(extended, 4).read(6)
        width, height = _number(size[:3]) + 1, _number(size[3:]) + 1
        flags = extended[0] & (_ANIMATED | _ALPHA)
        output.insert(0, Chunk(b"VP8X", bytes((flags, 0, 0, 0)) + size))
    return WebP(
        data=_file(output),
        width=width,
        height=height,
        frame_count=len(frames),
        icc_profile=by_name.get(b"ICCP", b""),
        exif=by_name.get(b"EXIF", b""),
        is_animated=is_animated,
        is_lossless=all(frame[-1].name == _LOSSLESS for frame in frames),
        animation=animation.body,
        durations=tuple(_number(body[12:15]) for body in bodies),
    )


def animate(stills: Iterable[bytes], like: WebP, size: tuple[int, int]) -> bytes:
    """Build an animation of still WebP files, each of which replaces the previous one."""
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    replace = b"\x02"  # Neither blended nor disposed of.
    chunks = [
        Chunk(b"VP8X", bytes((_ANIMATED | _ALPHA, 0, 0, 0)) + sides),
        Chunk(b"ANIM", like.animation),
    ]
    for still, duration in zip(stills, like.durations, strict=True):
        frame = bytes(6) + sides + duration.to_bytes(3, "little") + replace
        chunks.append(Chunk(b"ANMF", frame + _encode(_image(_chunks(still[12:])))))
    return _file(chunks)


def _chunks(data: bytes) -> Iterator[Chunk]:
    reader = Reader(data)
    while len(data) - reader.position >= 8:
        name, size = struct.unpack("<4sI", reader.read(8))
        yield Chunk(name, reader.read(size))
        reader.position += size % 2


def _image(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return the pixels of a frame after its alpha data."""
    output: list[Chunk] = []
    for chunk in chunks:
        if chunk.name == b"ALPH" and not output:
            output.append(chunk)
        elif chunk.name in _PIXELS:
            return [*output, chunk]
    return []


def _encode(chunks: Iterable[Chunk]) -> bytes:
    return b"".join(
        name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
        for name, body in chunks
    )


def _file(chunks: Iterable[Chunk]) -> bytes:
    body = b"WEBP" + _encode(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _size(name: bytes, body: bytes) -> tuple[int, int]:
    """Read width and height from a bit stream."""
    reader = Reader(body)
    if name == _LOSSLESS:
        reader.read(1)
        bits = _number(reader.read(4))
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    reader.read(6)
    width, height = struct.unpack("<HH", reader.read(4))
    return width & 0x3FFF, height & 0x3FFF


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
