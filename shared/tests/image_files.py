"""Image files for tests, including ones that common programs do not write."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MARK = b"HIDDEN-IN-THE-PICTURE"
TURNED_LEFT = 6


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode an image as a file."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """Create an image whose colours change from pixel to pixel, with a black corner at the top
    left.
    """
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (across, down, across.rotate(180)))
    image.paste("black", (0, 0, size[0] // 2, size[1] // 2))
    return image.convert(mode)


def picture(kind: str, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """Encode `photo` as a file."""
    return encoded(photo(size), kind, **options)


def exif(orientation: int = 1) -> Image.Exif:
    """Create EXIF with an orientation and a location."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = MARK.decode()
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def profile(*, gamma: float = 1.0, space: str = "RGB") -> bytes:
    """Create a colour profile in which every value differs from sRGB, or a grey one."""
    white = (0.9642, 1.0, 0.8249)
    primaries = ((0.609, 0.311, 0.019), (0.205, 0.626, 0.061), (0.149, 0.063, 0.745))
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": _xyz(white)}
    if space == "RGB":
        for name, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
            tags[name] = _xyz(colour)
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    else:
        tags[b"kTRC"] = curve
    at = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    body = b""
    for name, value in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(value))
        body += value
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(body), b"lcms", 0x02400000, b"mntr", f"{space:4}".encode(),
        b"XYZ ", bytes(12), b"acsp",
    )  # fmt: skip
    head = head.ljust(68, b"\0") + _xyz(white)[8:]
    return head.ljust(128, b"\0") + table + body


def srgb() -> bytes:
    """Create the profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def chunk(name: bytes, body: bytes) -> bytes:
    """Create a chunk of a PNG."""
    check = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + check


def png(
    width: int, height: int, rows: bytes, depth: int = 8, colour: int = 0, *before: bytes
) -> bytes:
    """Create a PNG of uncompressed rows; ``before`` are chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *before, chunk(b"IDAT", zlib.compress(rows))]
    return SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")


def with_chunk(data: bytes, name: bytes, body: bytes, *, invalid_checksum: bool = False) -> bytes:
    """Insert a chunk after the header of a PNG."""
    added = chunk(name, body)
    return (
        data[:33]
        + (added[:-1] + bytes((added[-1] ^ 1,)) if invalid_checksum else added)
        + data[33:]
    )


def apng(
    frames: list[tuple[Image.Image, int, int, int, int]], plays: int = 3, *before: bytes
) -> bytes:
    """Create an APNG of RGBA frames, each with its position, disposal and blending."""
    width, height = frames[0][0].size
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"acTL", struct.pack(">II", len(frames), plays))]
    parts += before
    sequence = 0
    for number, (image, x, y, dispose, blend) in enumerate(frames):
        control = struct.pack(
            ">IIIIIHHBB", sequence, *image.size, x, y, 7 + number, 100, dispose, blend
        )
        parts.append(chunk(b"fcTL", control))
        sequence += 1
        rows = image.convert("RGBA").tobytes()
        stride = 4 * image.width
        filtered = b"".join(b"\0" + rows[at : at + stride] for at in range(0, len(rows), stride))
        pixels = zlib.compress(filtered)
        if number == 0:
            parts.append(chunk(b"IDAT", pixels))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", sequence) + pixels))
            sequence += 1
    return SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")


def gif(frames: list[tuple[Image.Image, int, int, int, bool]], loops: int | None = 3) -> bytes:
    """Create a GIF of frames of at most 128 colours, each with its position, its disposal, and
    whether its first colour is transparent.
    """
    width, height = frames[0][0].size
    out = b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)
    if loops is not None:
        out += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loops) + b"\0"
    for number, (image, x, y, dispose, transparent) in enumerate(frames):
        control = struct.pack("<BHBB", dispose << 2 | transparent, 5 + number, 0, 0)
        palette = bytes(image.getpalette("RGB") or ())[: 3 * 128].ljust(3 * 128, b"\0")
        out += b"\x21\xf9\x04" + control
        out += b"\x2c" + struct.pack("<HHHHB", x, y, *image.size, 0x86) + palette + b"\x07"
        pixels = image.tobytes()
        # Codes of one byte each: the table is cleared before longer codes are necessary.
        codes = b"".join(b"\x80" + pixels[at : at + 100] for at in range(0, len(pixels), 100))
        codes += b"\x81"
        for at in range(0, len(codes), 255):
            out += bytes((len(codes[at : at + 255]),)) + codes[at : at + 255]
        out += b"\0"
    return out + b"\x3b"
