"""PNG and APNG, as https://www.w3.org/TR/png-3/ defines them."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shared.media.imaging.container import BadImageError, Container, Reader
from shared.media.imaging.png_pixels import verify_pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks about the meaning of pixels, with their lengths.
_COLOUR_CHUNKS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_INDEXED, _GREY = 3, (0, 4)
_MAX_PROFILE_BYTES = 8 << 20


class Chunk(NamedTuple):
    """A chunk of a file, without its length and checksum."""

    name: bytes
    body: bytes


class Region(NamedTuple):
    """The region of the canvas that a frame covers."""

    width: int
    height: int
    x: int
    y: int


class Frame(NamedTuple):
    """Compressed pixels and their display parameters.

    ``control`` contains the fields of ``fcTL`` after the region: delay, disposal, blending. It is
    None for the image that only viewers without animation show.
    """

    region: Region
    control: bytes
    pixels: list[bytes]


@dataclass(frozen=True, slots=True)
class Png(Container):
    """A PNG without metadata; animated if it has a ``play_count``."""

    header: bytes = b""
    shared: tuple[Chunk, ...] = ()
    frames: tuple[Frame, ...] = ()
    play_count: int | None = None

    def verify(self) -> None:
        """Reject the image unless all pixels of all frames are present."""
        for frame in self.frames:
            verify_pixels(self.header, frame.region.width, frame.region.height, frame.pixels)

    def still(self, frame: Frame) -> bytes:
        """Build a separate PNG of one frame."""
        header = struct.pack(">II", *frame.region[:2]) + self.header[8:]
        whole = Region(*frame.region[:2], 0, 0)
        return write(header, self.shared, [frame._replace(region=whole, control=b"")])

    def replace_frames(
        self, stills: Iterable[bytes], regions: Iterable[Region], *, srgb: bool
    ) -> bytes:
        """Replace the pixels of the animation or still image.

        Args:
            stills: a PNG for each frame, all of one colour type and palette.
            regions: the region of each frame; the first one is the canvas.
            srgb: whether the pixels are in sRGB now, or in the colour space of before.
        """
        regions = list(regions)
        encoded = [parse(still) for still in stills]
        frames = [
            frame._replace(region=region, pixels=new.frames[0].pixels)
            for frame, region, new in zip(self.frames, regions, encoded, strict=True)
        ]
        header = struct.pack(">II", *regions[0][:2]) + encoded[0].header[8:]
        before = [chunk for chunk in self.shared if chunk.name in _COLOUR_CHUNKS and not srgb]
        return write(header, (*before, *encoded[0].shared), frames, self.play_count)


def parse(data: bytes) -> Png:
    """Parse a PNG.

    A file can end within a chunk; `Png.verify` detects missing pixels. A broken
    ancillary chunk is ignored, as browsers do.
    """
    chunks = list(_chunks(data))
    names = [chunk.name for chunk in chunks]
    if names[:1] != [b"IHDR"] or b"IDAT" not in names:
        raise BadImageError("no image")
    header = _checked_header(chunks[0].body)
    width, height = struct.unpack_from(">II", header)
    before_pixels = chunks[: names.index(b"IDAT")]
    by_name = {chunk.name: chunk for chunk in reversed(before_pixels)}  # The first of several.
    if header[9] == _INDEXED and b"PLTE" not in by_name:
        raise BadImageError("no palette")
    shared = tuple(chunk for chunk in by_name.values() if _is_shared(chunk))[::-1]
    play_count = None
    if counts := _animation_counts(by_name, names):
        frame_count, play_count = counts
        frames = _animation_frames(chunks, Region(width, height, 0, 0))
        if frame_count != sum(1 for frame in frames if frame.control):
            raise BadImageError("frames are missing")
    else:
        pixels = [chunk.body for chunk in chunks if chunk.name == b"IDAT"]
        frames = [Frame(Region(width, height, 0, 0), b"", pixels)]
    return Png(
        data=write(header, shared, frames, play_count),
        width=width,
        height=height,
        frame_count=len(frames),
        colours="L" if header[9] in _GREY else "RGB",
        icc_profile=_profile(by_name[b"iCCP"].body) if b"iCCP" in by_name else b"",
        exif=next((chunk.body for chunk in chunks if chunk.name == b"eXIf"), b""),
        header=header,
        shared=shared,
        frames=tuple(frames),
        play_count=play_count,
    )


def write(
    header: bytes,
    shared: Iterable[Chunk],
    frames: Iterable[Frame],
    play_count: int | None = None,
) -> bytes:
    """Build a PNG; without ``play_count`` a still one with one frame."""
    frames = list(frames)
    sequence = iter(range(1 << 31))
    out = [SIGNATURE, _encode(b"IHDR", header)]
    if play_count is not None:
        frame_count = sum(1 for frame in frames if frame.control)
        out.append(_encode(b"acTL", struct.pack(">II", frame_count, play_count)))
    out += [_encode(*chunk) for chunk in shared]
    for number, frame in enumerate(frames):
        if frame.control:
            head = struct.pack(">IIIII", next(sequence), *frame.region)
            out.append(_encode(b"fcTL", head + frame.control))
        for part in frame.pixels:
            if number == 0:
                out.append(_encode(b"IDAT", part))
            else:
                out.append(_encode(b"fdAT", struct.pack(">I", next(sequence)) + part))
    out.append(_encode(b"IEND", b""))
    return b"".join(out)


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yield every complete chunk up to the end of the image."""
    view = memoryview(data)
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            return
        intact = zlib.crc32(view[position + 4 : end]).to_bytes(4) == view[end : end + 4]
        if name == b"IEND":
            return
        critical = not name[0] & 0x20
        if critical and (not intact or name not in {b"IHDR", b"PLTE", b"IDAT"}):
            raise BadImageError("a broken or unknown chunk")
        if intact:
            yield Chunk(name, data[position + 8 : end])
        position = end + 4


def _checked_header(header: bytes) -> bytes:
    if len(header) != 13:
        raise BadImageError("no header")
    depth, colour, compression, filtering, interlacing = header[8:]
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlacing > 1:
        raise BadImageError("a wrong header")
    return header


def _is_shared(chunk: Chunk) -> bool:
    """Whether every frame needs the chunk. Browsers ignore one of a wrong length."""
    return chunk.name in {b"PLTE", b"tRNS"} or _COLOUR_CHUNKS.get(chunk.name) == len(chunk.body)


def _animation_counts(
    before_pixels: dict[bytes, Chunk], names: list[bytes]
) -> tuple[int, int] | None:
    """Return the number of announced frames and of plays; None for a still image.

    Browsers show the still image if frames are announced but missing.
    """
    if b"acTL" not in before_pixels or b"fcTL" not in names:
        return None
    announced = before_pixels[b"acTL"].body
    if len(announced) != 8:
        return None
    frame_count, play_count = struct.unpack(">II", announced)
    return frame_count, play_count


def _animation_frames(chunks: Iterable[Chunk], canvas: Region) -> list[Frame]:
    frames: list[Frame] = []
    sequence = 0
    for name, body in chunks:
        if name == b"IDAT":
            if not frames:
                frames.append(Frame(canvas, b"", []))
            if len(frames) > 1:
                raise BadImageError("a first frame in pieces")
            frames[0].pixels.append(body)
        elif name in {b"fcTL", b"fdAT"}:
            reader = Reader(body)
            if int.from_bytes(reader.read(4)) != sequence:
                raise BadImageError("frames out of order")
            sequence += 1
            if name == b"fcTL":
                region = Region(*struct.unpack(">IIII", reader.read(16)))
                frames.append(Frame(region, reader.read(6), []))
            elif len(frames) < 2:
                raise BadImageError("pixels of no frame")
            else:
                frames[-1].pixels.append(body[4:])
    if frames[0].region != canvas or not all(_is_inside(frame, canvas) for frame in frames):
        raise BadImageError("a frame outside of the image, or without pixels")
    return frames


def _is_inside(frame: Frame, canvas: Region) -> bool:
    width, height, x, y = frame.region
    fits = 0 < width <= canvas.width - x and 0 < height <= canvas.height - y
    return fits and bool(frame.pixels)


def _profile(body: bytes) -> bytes:
    """Read the colour profile of an ``iCCP`` chunk, if it is complete."""
    compressed = body[body.find(b"\0") + 2 :]
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(compressed, _MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if inflate.eof else b""


def _encode(name: bytes, body: bytes) -> bytes:
    check = zlib.crc32(body, zlib.crc32(name))
    return b"".join((len(body).to_bytes(4), name, body, check.to_bytes(4)))
