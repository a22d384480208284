"""GIF, as https://www.w3.org/Graphics/GIF/spec-gif89a.txt defines it, with Netscape's loops."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.media.imaging.container import BadImageError, Container, Reader

SIGNATURES = (b"GIF87a", b"GIF89a")
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, b"\x3b"
_CONTROL, _TEXT, _APPLICATION = 0xF9, 0x01, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


@dataclass(frozen=True, slots=True)
class Gif(Container):
    """A GIF without metadata."""

    screen: bytes = b""
    """The header after the size, and the global palette."""
    frames: tuple[bytes, ...] = ()
    """Size, local palette and pixels of each frame."""

    def stills(self) -> Iterator[bytes]:
        """Yield each frame as a separate GIF of the frame's size."""
        for frame in self.frames:
            head = SIGNATURES[1] + frame[:4] + self.screen
            yield head + b"\x2c\0\0\0\0" + frame + _TRAILER


def parse(data: bytes) -> Gif:
    """Parse a GIF. The trailer can be missing if the last frame is complete."""
    reader = Reader(data, len(SIGNATURES[0]))
    screen = reader.read(7)
    palette = reader.read(_palette_size(screen[4]))
    parts = [data[: reader.position]]
    frames = []
    control = b""
    width, height = _size(screen)
    while not reader.at_end():
        start = reader.position
        introducer = reader.read(1)[0]
        if introducer == _IMAGE:
            reader.read(4)
            place = reader.read(5)
            reader.read(_palette_size(place[4]) + 1)
            _sub_blocks(reader)
            frames.append(data[start + 5 : reader.position])
            parts += [control, data[start : reader.position]]
            control = b""
            width, height = map(max, (width, height), _size(place))
        elif introducer == _EXTENSION:
            try:
                label = reader.read(1)[0]
                _sub_blocks(reader)
            except BadImageError:
                break
            block = data[start : reader.position]
            if label == _CONTROL:
                control = block if len(block) == 8 else b""
            elif label == _TEXT:  # Viewers ignore it, so it is removed with its control block.
                control = b""
            elif label == _APPLICATION and block[3:14] in _LOOPS and block[14:16] == b"\x03\x01":
                parts.append(block[:18] + b"\0")
        else:  # The trailer, or trailing data.
            break
    if not frames:
        raise BadImageError("no image")
    parts.append(_TRAILER)
    return Gif(
        data=b"".join(parts),
        width=width,
        height=height,
        frame_count=len(frames),
        screen=screen[4:] + palette,
        frames=tuple(frames),
    )


def _palette_size(flags: int) -> int:
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _size(place: bytes) -> tuple[int, int]:
    return int.from_bytes(place[:2], "little"), int.from_bytes(place[2:4], "little")


def _sub_blocks(reader: Reader) -> None:
    """Read a sequence of sub-blocks up to the empty one."""
    while size := reader.read(1)[0]:
        reader.read(size)
