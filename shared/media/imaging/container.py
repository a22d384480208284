"""Common parts of image containers."""

from dataclasses import dataclass

MAX_FRAME_PIXELS = 64_000_000
MAX_PIXELS = 256_000_000
"""Maximum pixels of all frames together."""


class BadImageError(Exception):
    """The bytes are not a complete image of an accepted format and size."""


@dataclass(frozen=True, slots=True)
class Container:
    """An image file without metadata, except the metadata needed to display it."""

    data: bytes
    width: int
    height: int
    frame_count: int = 1
    colours: str = "RGB"
    """The Pillow mode that a profile must describe: ``L``, ``RGB`` or ``CMYK``."""
    icc_profile: bytes = b""
    exif: bytes = b""

    def __post_init__(self) -> None:
        """Reject an image that is too large to be decoded."""
        pixels = self.width * self.height
        if not 0 < pixels <= MAX_FRAME_PIXELS or pixels * self.frame_count > MAX_PIXELS:
            raise BadImageError("too many pixels")


class Reader:
    """A reader of bytes. Reading past the end raises `BadImageError`."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    def read(self, size: int) -> bytes:
        """Read the next ``size`` bytes."""
        end = self.position + size
        if end > len(self.data):
            raise BadImageError("cut off")
        start, self.position = self.position, end
        return self.data[start:end]

    def at_end(self) -> bool:
        """Whether all bytes have been read."""
        return self.position >= len(self.data)
