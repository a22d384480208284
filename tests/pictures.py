"""Images to send, and to compare with the responses."""

import base64
from io import BytesIO

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), *, seed: int = 0) -> bytes:
    """A small image, which depends on the ``seed``."""
    out = BytesIO()
    Image.new("RGB", size, (seed % 256, 80, 160)).save(out, kind)
    return out.getvalue()


def photograph() -> bytes:
    """A JPEG with an author and a location in its metadata."""
    out = BytesIO()
    exif = Image.Exif()
    exif[0x013B] = "Secret Artist"
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (60, 40), "green").save(out, "JPEG", exif=exif, comment=b"Secret Comment")
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    """Decode an image of a response."""
    return Image.open(BytesIO(content))


def data_uri(content: bytes, kind: str = "png") -> str:
    """An image as the value of an avatar."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
