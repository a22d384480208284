"""Images for the tests."""

import base64
from io import BytesIO
from typing import Any

from PIL import Image


def make_image(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """Make an image of one colour."""
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def make_animation(kind: str, frames: int = 3) -> bytes:
    """Make an animation of different frames."""
    first, *others = (Image.new("RGB", (20, 20), (80 * n, 0, 0)) for n in range(frames))
    out = BytesIO()
    first.save(out, kind, save_all=True, append_images=others, duration=100, loop=0)
    return out.getvalue()


def make_photo() -> bytes:
    """Make a JPEG with the camera and the location in its metadata."""
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 14.0)}
    return make_image("JPEG", exif=exif, comment=b"secret comment")


def make_decompression_bomb() -> bytes:
    """Make a small PNG with too many pixels."""
    out = BytesIO()
    Image.new("1", (64_001, 1000)).save(out, "PNG")
    return out.getvalue()


def to_data_uri(data: bytes, kind: str = "png") -> str:
    """Encode a file as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def load_image(data: bytes) -> Image.Image:
    """Decode an image."""
    image = Image.open(BytesIO(data))
    image.load()
    return image
