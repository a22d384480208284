"""Pictures to send, and what comes back of them."""

import base64
from io import BytesIO

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), *, seed: int = 0) -> bytes:
    """A small picture; another ``seed`` gives another one."""
    out = BytesIO()
    Image.new("RGB", size, (seed % 256, 80, 160)).save(out, kind)
    return out.getvalue()


def photograph() -> bytes:
    """A JPEG that says where and by whom it was taken."""
    out = BytesIO()
    exif = Image.Exif()
    exif[0x013B] = "Secret Artist"
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (60, 40), "green").save(out, "JPEG", exif=exif, comment=b"Secret Comment")
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    """A picture that came back."""
    return Image.open(BytesIO(content))


def data_uri(content: bytes, kind: str = "png") -> str:
    """A picture as an avatar is put."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
