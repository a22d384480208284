"""What the containers of images have in common."""

from dataclasses import dataclass

MAX_FRAME_PIXELS = 64_000_000
MAX_PIXELS = 256_000_000
"""Of all frames together."""


class BadImageError(Exception):
    """The bytes are no whole image of an accepted format and size."""


@dataclass(frozen=True, slots=True)
class Container:
    """An image file without metadata, and the metadata that say how it is to be shown."""

    data: bytes
    width: int
    height: int
    frame_count: int = 1
    colours: str = "RGB"
    """Pillow's word for what a profile has to describe: ``L``, ``RGB`` or ``CMYK``."""
    icc_profile: bytes = b""
    exif: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what is too large to be decoded."""
        pixels = self.width * self.height
        if not 0 < pixels <= MAX_FRAME_PIXELS or pixels * self.frame_count > MAX_PIXELS:
            raise BadImageError("too many pixels")


class Reader:
    """Bytes that are read one after another; a read past the end is a `BadImageError`."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        end = self.position + size
        if end > len(self.data):
            raise BadImageError("cut off")
        start, self.position = self.position, end
        return self.data[start:end]

    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self.position >= len(self.data)
