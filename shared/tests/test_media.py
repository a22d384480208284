"""Pictures from strangers: decoded safely, cleaned of what they hide, and kept."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from shared.errors import ApiError
from shared.media import (
    MOST_PIXELS,
    MediaSettings,
    MediaStore,
    NotAPicture,
    Picture,
    cleaned,
    rendition,
)
from shared.settings import SettingsError, load_settings
from shared.testing.s3 import s3_server
from shared.testing.tokens import PUBLIC_KEYS_PEM

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
MARK = b"HIDDEN-IN-THE-PICTURE"
TURNED_LEFT = 6


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _picture(kind: str, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    image = Image.new("RGB", size, "white")
    image.paste("black", (0, 0, size[0] // 2, size[1] // 2))
    return _encoded(image, kind, **options)


def _animation(kind: str, frames: int = 5, size: tuple[int, int] = (60, 40)) -> bytes:
    images = [Image.new("RGB", size, (40 * n % 256, 0, n)) for n in range(frames)]
    return _encoded(images[0], kind, save_all=True, append_images=images[1:], duration=70, loop=3)


def _exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = MARK.decode()
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def _opened(picture: Picture) -> Image.Image:
    return Image.open(BytesIO(picture.data))


def _png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "media_type", "extension"),
    [
        ("PNG", "image/png", "png"),
        ("JPEG", "image/jpeg", "jpg"),
        ("GIF", "image/gif", "gif"),
        ("WEBP", "image/webp", "webp"),
    ],
)
def test_a_cleaned_picture_keeps_its_format_and_size(
    kind: str, media_type: str, extension: str
) -> None:
    picture = cleaned(_picture(kind))
    image = _opened(picture)
    assert (picture.media_type, picture.extension) == (media_type, extension)
    assert (image.format, image.size) == (kind, (60, 40))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_any_mode_looks_the_same_when_cleaned(mode: str) -> None:
    sent = _encoded(Image.radial_gradient("L").convert("L").convert(mode), "PNG")
    before, after = Image.open(BytesIO(sent)), _opened(cleaned(sent))
    assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()


def test_a_cmyk_jpeg_becomes_one_that_browsers_show() -> None:
    sent = _encoded(Image.new("CMYK", (8, 8)), "JPEG")
    assert _opened(cleaned(sent)).mode == "RGB"


HIDING = {
    "EXIF in a JPEG": _picture("JPEG", exif=_exif()),
    "a comment in a JPEG": _picture("JPEG", comment=MARK),
    "XMP in a JPEG": _picture("JPEG", xmp=MARK),
    "something after a JPEG": _picture("JPEG") + MARK,
    "EXIF in a PNG": _picture("PNG", exif=_exif()),
    "something after a PNG": _picture("PNG") + MARK,
    "EXIF in a WebP": _picture("WEBP", exif=_exif()),
    "XMP in a WebP": _picture("WEBP", xmp=MARK),
    "a large colour profile": _picture("JPEG", icc_profile=MARK * 1000),
    "a comment in a GIF": _picture("GIF", comment=MARK),
    "something after a GIF": _picture("GIF") + MARK,
}


@pytest.mark.parametrize("sent", HIDING.values(), ids=HIDING.keys())
def test_metadata_is_gone(sent: bytes) -> None:
    assert MARK in sent
    assert MARK not in cleaned(sent).data
    assert MARK not in rendition(sent, 512).data


def test_texts_of_a_png_are_gone() -> None:
    notes = PngInfo()
    notes.add_text("Comment", MARK.decode())
    notes.add_itxt("XML:com.adobe.xmp", MARK.decode(), zip=True)
    picture = _opened(cleaned(_picture("PNG", pnginfo=notes)))
    picture.load()
    assert not {"Comment", "XML:com.adobe.xmp", "xmp"} & picture.info.keys()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_small_colour_profile_stays(kind: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sent = _picture(kind, icc_profile=profile)
    assert _opened(cleaned(sent)).info["icc_profile"] == profile
    assert _opened(rendition(sent, 512)).info["icc_profile"] == profile


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_turned_as_its_exif_says(kind: str) -> None:
    sent = _picture(kind, exif=_exif(TURNED_LEFT))
    for picture in (cleaned(sent), rendition(sent, 512)):
        image = _opened(picture).convert("L")
        assert image.size == (40, 60)
        assert (image.getpixel((35, 5)), image.getpixel((5, 5))) == (0, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_stays_one(kind: str) -> None:
    image = _opened(cleaned(_animation(kind)))
    image.load()
    assert getattr(image, "n_frames", 1) == 5
    assert (image.info["loop"], image.info["duration"]) == (3, 70)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_a_rendition_of_an_animation_is_its_first_frame(kind: str) -> None:
    image = _opened(rendition(_animation(kind), 512))
    assert not getattr(image, "is_animated", False)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [(1600, 800), (800, 1600), (513, 1), (3, 2)])
def test_a_rendition_has_no_side_beyond_the_limit(kind: str, size: tuple[int, int]) -> None:
    image = _opened(rendition(_picture(kind, size), 512))
    assert image.format == "WEBP"
    assert max(image.size) == min(max(size), 512)


def test_a_rendition_keeps_transparency() -> None:
    sent = _encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")
    alpha = _opened(rendition(sent, 512)).getchannel("A")
    assert alpha.getextrema() == (0, 0)


NO_PICTURES = {
    "nothing": b"",
    "text": b"hello",
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "BMP": _picture("BMP"),
    "TIFF": _picture("TIFF"),
    "PDF": _picture("PDF"),
    "only the beginning of a PNG": b"\x89PNG\r\n\x1a\n",
    "a PNG bomb": _png_bomb(60_000, 60_000),
    "a PNG a little too large": _png_bomb(10_000, MOST_PIXELS // 10_000 + 1),
    "a PNG that lacks what it announces": _png_bomb(5_000, 5_000),
    "a GIF bomb": b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + _picture("GIF")[10:],
    "a WebP bomb": _animation("WEBP")[:24] + b"\xff\x3f\x00" * 2 + _animation("WEBP")[30:],
    **{f"a truncated {kind}": _picture(kind, (200, 200))[:-60] for kind in ("PNG", "JPEG")},
    **{f"half a {kind}": _picture(kind)[: len(_picture(kind)) // 2] for kind in FORMATS},
}


@pytest.mark.parametrize("decode", [cleaned, lambda data: rendition(data, 512)])
@pytest.mark.parametrize("sent", NO_PICTURES.values(), ids=NO_PICTURES.keys())
def test_what_is_no_picture_is_refused(sent: bytes, decode: Any) -> None:
    with pytest.raises(NotAPicture):
        decode(sent)


def test_an_animation_may_not_have_too_many_pixels_in_all() -> None:
    with pytest.raises(NotAPicture):
        cleaned(_animation("WEBP", frames=13, size=(2000, 2000)))


def test_an_animation_may_not_have_thousands_of_tiny_frames() -> None:
    with pytest.raises(NotAPicture):
        cleaned(_animation("WEBP", frames=1_001, size=(1, 1)))


def _settings(**values: str) -> MediaSettings:
    return load_settings(MediaSettings, {"JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM, **values})


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Endpoint of a real S3 server that has a bucket ``pictures``."""
    with s3_server() as url:
        requests.put(f"{url}/pictures", timeout=5).raise_for_status()
        yield url


@pytest.fixture(params=["folder of the data", "folder", "bucket", "bucket with a prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    """A store of each kind."""
    bucket = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    if "bucket" in request.param:
        bucket["AWS_ENDPOINT_URL"] = request.getfixturevalue("s3")
    settings = {
        "folder of the data": {"DATA_DIR": str(tmp_path)},
        "folder": {"MEDIA_URL": f"file://{tmp_path}/with%20blank"},
        "bucket": {"MEDIA_URL": "s3://pictures", **bucket},
        "bucket with a prefix": {"MEDIA_URL": "s3://pictures/of/ims", **bucket},
    }
    store = MediaStore()
    store.configure(_settings(**settings[request.param]))
    return store


def test_what_was_put_is_there_until_it_is_deleted(store: MediaStore) -> None:
    store.put("a/b.png", b"\x00first")
    assert (store.get("a/b.png"), store.exists("a/b.png")) == (b"\x00first", True)
    store.put("a/b.png", b"second")
    assert store.get("a/b.png") == b"second"
    store.delete("a/b.png")
    assert (store.get("a/b.png"), store.exists("a/b.png")) == (None, False)


def test_what_was_put_can_be_read_piece_by_piece(store: MediaStore) -> None:
    data = bytes(range(256)) * 2000
    store.put("a/b", data)
    opened = store.open("a/b")
    assert opened is not None
    pieces = list(opened.pieces)
    assert opened.size == len(data)
    assert b"".join(pieces) == data
    assert len(pieces) > 1


def test_everything_that_is_kept_can_be_listed(store: MediaStore) -> None:
    keys = {f"list/{number}/file" for number in range(1_002)}
    for key in keys:
        store.put(key, b"four")
    store.put("other", b"x")
    listed = [file for batch in store.listed("list/") for file in batch]
    assert (len(listed), {file.key for file in listed}) == (1_002, keys)
    assert {file.size for file in listed} == {4}
    assert all(abs((file.put_at - datetime.now(UTC)).total_seconds()) < 120 for file in listed)


def test_an_empty_store_lists_nothing(store: MediaStore) -> None:
    assert list(store.listed("nothing/")) == []


def test_what_is_not_there_cannot_be_opened(store: MediaStore) -> None:
    assert store.open("never/put") is None


def test_deleting_what_is_not_there_is_no_failure(store: MediaStore) -> None:
    store.delete("never/there")


def test_media_lie_in_the_data_folder_unless_a_url_says_otherwise(tmp_path: Path) -> None:
    store = MediaStore()
    store.configure(_settings(DATA_DIR=str(tmp_path)))
    store.put("a/b", b"c")
    assert (tmp_path / "media" / "a" / "b").read_bytes() == b"c"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", None])
def test_a_store_that_does_not_answer_is_unavailable(
    request: pytest.FixtureRequest, endpoint: str | None
) -> None:
    store = MediaStore()
    store.configure(
        _settings(
            MEDIA_URL="s3://there-is-no-such-bucket",
            AWS_ENDPOINT_URL=endpoint or request.getfixturevalue("s3"),
            AWS_ACCESS_KEY_ID="id",
            AWS_SECRET_ACCESS_KEY="secret",
        )
    )
    with pytest.raises(ApiError) as refusal:
        store.put("a", b"b")
    assert refusal.value.spec.status == 503


@pytest.mark.parametrize("url", ["media", "ftp://x/y", "file://host/x", "s3://", "s3:///x"])
def test_a_media_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="MEDIA_URL"):
        _settings(MEDIA_URL=url)


_FOUR_AT_ONCE = r"""
import gevent.monkey; gevent.monkey.patch_all()
import gevent, re, sys
from shared.media import rendition
picture = sys.stdin.buffer.read()
jobs = [gevent.spawn(rendition, picture, 512) for _ in range(4)]
gevent.joinall(jobs, raise_error=True)
# Not getrusage(): that remembers the memory of the process that started this one.
print(int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


def test_many_large_pictures_at_once_take_the_memory_of_one() -> None:
    large = _encoded(Image.new("RGB", (7000, 7000)), "PNG")
    program = [sys.executable, "-c", _FOUR_AT_ONCE]
    mebibytes = int(subprocess.run(program, input=large, stdout=subprocess.PIPE, check=True).stdout)
    assert mebibytes < 450
