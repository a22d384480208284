"""JPEG, as ITU-T T.81 defines it, and the first picture of a Multi-Picture file."""

import re
from dataclasses import dataclass, field

from shared.media.imaging.container import BadImageError, Container, Reader

START = b"\xff\xd8"
_END, _SCAN = 0xD9, 0xDA
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_COPIED_MARKERS = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD})
_JFIF, _EXIF, _PROFILE, _ADOBE = 0xE0, 0xE1, 0xE2, 0xEE
_COEFFICIENTS = 64
# Inside a scan, 0xff is followed by 0x00, a restart marker, or another 0xff.
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True, slots=True)
class Jpeg(Container):
    """A JPEG without metadata."""

    parts: tuple[bytes, ...] = field(default=())
    """All of `data`; each scan is a separate element."""
    scans: frozenset[int] = frozenset()
    """The indexes of the parts that are scans."""

    def padded(self, padding: bytes) -> bytes:
        """Append padding bytes to each scan.

        A decoder reads missing data of a scan from the padding, and skips unused padding. Two
        different paddings result in the same pixels only if none are missing.
        """
        return b"".join(
            part + padding if number in self.scans else part
            for number, part in enumerate(self.parts)
        )


class _Coefficients:
    """Tracks the coefficients of each component whose last bit is missing."""

    def __init__(self, frame: bytes) -> None:
        self._missing = {frame[at]: set(range(_COEFFICIENTS)) for at in range(6, len(frame) - 2, 3)}

    def send(self, scan: bytes) -> None:
        """Record the coefficients of a scan."""
        start, end, shift = scan[-3:]
        if not shift & 0x0F:
            for component in scan[1:-3:2]:
                self._missing.get(component, set()).difference_update(range(start, end + 1))

    def complete(self) -> bool:
        """Whether all coefficients are complete."""
        return not any(self._missing.values())


class _Parser:
    """Collects the segments of a file that are copied."""

    def __init__(self, data: bytes) -> None:
        self._reader = Reader(data, len(START))
        self._profile: dict[int, bytes] = {}
        self.frame = self.exif = b""
        self.parts = [START]
        self.scans: set[int] = set()
        self.coefficients = _Coefficients(b"")
        self.has_end = self._read_segments()

    @property
    def profile(self) -> bytes:
        """Join the numbered parts of the colour profile."""
        return b"".join(self._profile[number] for number in sorted(self._profile))

    def _read_segments(self) -> bool:
        """Read up to the end of the first image, and return whether its end marker exists."""
        data, reader = self._reader.data, self._reader
        while following := _MARKER.search(data, reader.position):
            reader.position = following.end()
            marker = data[following.end() - 1]
            if marker == _END:
                return True
            if marker in _WITHOUT_LENGTH:
                continue
            try:
                body = reader.read(max(2, int.from_bytes(reader.read(2))) - 2)
            except BadImageError:
                return False
            if marker == _SCAN:
                self._add_scan(body)
            elif marker in _COPIED_MARKERS:
                self._copy_segment(marker, body)
            else:
                self._add_application_data(marker, body)
        return False

    def _add_scan(self, head: bytes) -> None:
        if not self.frame or len(head) < 6:
            raise BadImageError("a scan of no frame")
        self.coefficients.send(head)
        reader = self._reader
        following = _MARKER.search(reader.data, reader.position)
        end = following.start() if following else len(reader.data)
        self.parts.append(_segment(_SCAN, head))
        self.scans.add(len(self.parts))
        # The file can end with the first half of a marker.
        self.parts.append(reader.read(end - reader.position).rstrip(b"\xff"))

    def _copy_segment(self, marker: int, body: bytes) -> None:
        if marker in _FRAMES and not self.frame:
            if len(body) < 6:
                raise BadImageError("no header")
            self.frame = body
            self.coefficients = _Coefficients(body)
        self.parts.append(_segment(marker, body))

    def _add_application_data(self, marker: int, body: bytes) -> None:
        """Copy colour information, and record the orientation."""
        if marker == _JFIF and body.startswith(b"JFIF\0") and len(body) >= 12:
            self.parts.append(_segment(marker, body[:12] + b"\0\0"))  # Without its thumbnail.
        elif marker == _ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
            self.parts.append(_segment(marker, body[:12]))
        elif marker == _EXIF and body.startswith(b"Exif\0\0"):
            self.exif = self.exif or body
        elif marker == _PROFILE and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            self._profile.setdefault(body[12], body[14:])


def parse(data: bytes) -> Jpeg:
    """Parse a JPEG. Data after its first image are dropped.

    Only the end marker can be missing.
    """
    parser = _Parser(data)
    if not parser.scans:
        raise BadImageError("no image")
    if not parser.has_end and not parser.coefficients.complete():
        raise BadImageError("scans are missing")
    parser.parts.append(bytes((0xFF, _END)))
    return Jpeg(
        data=b"".join(parser.parts),
        width=int.from_bytes(parser.frame[3:5]),
        height=int.from_bytes(parser.frame[1:3]),
        colours={1: "L", 4: "CMYK"}.get(parser.frame[5], "RGB"),
        exif=parser.exif,
        icc_profile=parser.profile,
        parts=tuple(parser.parts),
        scans=frozenset(parser.scans),
    )


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body
