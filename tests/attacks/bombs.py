"""Small inputs that expand into large ones."""

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png(side: int, *, pixels: bytes) -> bytes:
    """Create a square PNG with these compressed pixels."""
    size = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"".join((_SIGNATURE, size, _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")))


_BLACK = zlib.compress(bytes(13 * 4))

REFUSED_PICTURES = {
    "of 3.6 gigapixels": png(60_000, pixels=_BLACK),
    "of 65 megapixels": png(8_063, pixels=zlib.compress(bytes((3 * 8_063 + 1) * 8_063))),
    "cut off": png(4, pixels=_BLACK)[:-30],
    "a GIF of 4 gigapixels": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;",
    "a page": b"GIF89a/*<script>alert(1)</script>*/=1;",
    "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "a document": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}

REFUSED_JSON = {
    "nested, without an end": b'{"name": ' + b"[" * 60_000,
    "nested": b'{"name": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "objects in objects": b'{"name": ' * 5_000 + b"1" + b"}" * 5_000,
    "a number of 60,000 digits": b'{"name": ' + b"9" * 60_000 + b"}",
    "a huge exponent": b'{"name": 1e999999999}',
    "no number": b'{"name": NaN}',
    "compressed": zlib.compress(b'{"name": "x"}'),
    "of another encoding": '{"name": "x"}'.encode("utf-16"),
    "half of a pair": b'{"name": "\\ud800"}',
    "a NUL": b'{"name": "\\u0000"}',
    "too long": b'{"name": "' + b"x" * 65_536 + b'"}',
    "a list": b"[" + b"0," * 30_000 + b"0]",
}


def part(name: str, content: bytes = b"x", *headers: str) -> bytes:
    """Create a field of a form with the boundary "B"."""
    lines = ("--B", f'Content-Disposition: form-data; name="{name}"', *headers, "", "")
    return "\r\n".join(lines).encode() + content + b"\r\n"


REFUSED_FORMS = {
    "of 5,000 parts": b"".join(part(f"f{n}") for n in range(5_000)) + b"--B--\r\n",
    "of 900 unknown parts": b"".join(part(f"f{n}") for n in range(900)) + b"--B--\r\n",
    "with a name of 5 MB": part("n" * 5_000_000) + b"--B--\r\n",
    "with headers without an end": part("a")[:-5] + b"X: y\r\n" * 500_000,
    "with a field of 5 MB": part("conversationId", b"1" * 5_000_000) + b"--B--\r\n",
    "without an end": part("image"),
    "with nothing in it": b"--B--\r\n",
    "of line breaks": part("image", b"\r" * 2_000_000) + b"--B--\r\n",
    "in a form": part("image", part("image"), "Content-Type: multipart/mixed; boundary=B")
    + b"--B--\r\n",
    "in an odd encoding": part(
        "conversationId", b"+ADE-", "Content-Type: text/plain; charset=utf-7"
    )
    + b"--B--\r\n",
    "that is no form": b"\0" * 1_000_000,
}
