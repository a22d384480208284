"""Uploaded images: checked for completeness, cleaned of metadata, and otherwise unchanged."""

import random
import struct
import zlib
from contextlib import suppress
from io import BytesIO
from itertools import product
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageSequence
from PIL.PngImagePlugin import PngInfo

from shared.media.imaging import images
from shared.media.imaging.container import BadImageError
from shared.media.imaging.images import EncodedImage, clean
from shared.tests.image_files import (
    MARK,
    SIGNATURE,
    TURNED_LEFT,
    apng,
    chunk,
    encoded,
    exif,
    gif,
    photo,
    picture,
    png,
    profile,
    srgb,
    with_chunk,
)

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
BIG_ENDIAN_16 = struct.Struct(">H")


def thumbnail(data: bytes) -> EncodedImage:
    return images.thumbnail(data, 512)


def opened(data: bytes | EncodedImage) -> Image.Image:
    image = Image.open(BytesIO(data if isinstance(data, bytes) else data.data))
    image.load()
    return image


def rendered(data: bytes) -> list[tuple[bytes, Any]]:
    """Compose the frames as a viewer does; return them with their durations."""
    image = Image.open(BytesIO(data))
    return [
        (frame.convert("RGBA").tobytes(), frame.info.get("duration"))
        for frame in ImageSequence.Iterator(image)
    ]


def difference(one: Image.Image, other: Image.Image) -> int:
    """Compute the largest difference of two images in any channel of any pixel."""
    return max(ImageChops.difference(one.convert("RGB"), other.convert("RGB")).tobytes())


def animated_webp(**options: Any) -> bytes:
    frames = [photo().rotate(10 * n) for n in range(5)]
    return encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=70, loop=3, **options
    )


def all_gif_disposals() -> bytes:
    whole, part = photo((32, 24)).quantize(100), photo((32, 24)).quantize(7).crop((0, 0, 9, 8))
    frames = [(whole, 0, 0, 1, False)]
    frames += [
        (part, 3 * dispose, 5 + 6 * transparent, dispose, transparent)
        for dispose, transparent in product(range(4), (False, True))
    ]
    return gif(frames)


def all_apng_operations() -> bytes:
    whole = photo((32, 24)).convert("RGBA")
    part = whole.crop((3, 0, 12, 8))
    part.putalpha(100)
    frames = [(whole, 0, 0, 0, 0)]
    frames += [
        (part, 4 * dispose, 5 + 6 * blend, dispose, blend)
        for dispose, blend in product(range(3), range(2))
    ]
    return apng(frames)


WITHOUT_METADATA = {
    **{kind: picture(kind) for kind in FORMATS},
    **{
        f"a PNG of mode {mode}": encoded(photo().convert("L").convert(mode), "PNG")
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    },
    "a PNG of 48 bits": png(2, 2, (b"\0" + bytes(range(12))) * 2, 16, 2),
    "a progressive JPEG": picture("JPEG", progressive=True),
    "a grey JPEG": encoded(photo(mode="L"), "JPEG"),
    "a JPEG that keeps RGB": picture("JPEG", keep_rgb=True),
    "a lossless WebP": picture("WEBP", lossless=True),
    "an animated WebP": animated_webp(),
    "an animated lossless WebP": animated_webp(lossless=True),
    "a GIF with all disposals": all_gif_disposals(),
    "an APNG with all disposals and blendings": all_apng_operations(),
}


@pytest.mark.parametrize("sent", WITHOUT_METADATA.values(), ids=WITHOUT_METADATA.keys())
def test_an_image_that_hides_nothing_stays_as_it_is(sent: bytes) -> None:
    assert clean(sent).data == sent


@pytest.mark.parametrize("kind", FORMATS)
def test_the_format_of_an_image_does_not_change(kind: str) -> None:
    assert clean(picture(kind)).format == kind


HIDING = {
    "EXIF in a JPEG": picture("JPEG", exif=exif()),
    "a comment in a JPEG": picture("JPEG", comment=MARK),
    "XMP in a JPEG": picture("JPEG", xmp=MARK),
    "something after a JPEG": picture("JPEG") + MARK,
    "another picture after a JPEG": picture("JPEG") + picture("JPEG", comment=MARK),
    "a thumbnail in a JPEG": picture("JPEG").replace(
        b"\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", b"\0\x40JFIF\0\1\1\0\0\1\0\1\4\4" + MARK.ljust(48), 1
    ),
    "EXIF in a PNG": picture("PNG", exif=exif()),
    "an unknown chunk in a PNG": with_chunk(picture("PNG"), b"teSt", MARK),
    "something after a PNG": picture("PNG") + MARK,
    "text in an APNG": with_chunk(all_apng_operations(), b"tEXt", MARK),
    "EXIF in a WebP": picture("WEBP", exif=exif()),
    "XMP in a WebP": picture("WEBP", xmp=MARK),
    "something after a WebP": picture("WEBP") + MARK,
    "EXIF in an animated WebP": animated_webp(exif=exif()),
    "a profile of sRGB in a JPEG": picture("JPEG", icc_profile=srgb() + MARK),
    "a profile that is none": picture("JPEG", icc_profile=MARK * 1000),
    "a comment in a GIF": picture("GIF", comment=MARK),
    "an application's data in a GIF": picture("GIF")[:-1] + b"\x21\xff\x15" + MARK + b"\0\x3b",
    "something after a GIF": picture("GIF") + MARK,
}


@pytest.mark.parametrize("sent", HIDING.values(), ids=HIDING.keys())
def test_metadata_are_gone_and_the_pixels_stay(sent: bytes) -> None:
    assert MARK in sent
    sanitized = clean(sent).data
    assert MARK not in sanitized
    assert rendered(sanitized) == rendered(sent)
    assert MARK not in thumbnail(sent).data


def test_texts_of_a_png_are_gone() -> None:
    notes = PngInfo()
    notes.add_text("Comment", MARK.decode())
    notes.add_itxt("XML:com.adobe.xmp", MARK.decode(), zip=True)
    assert clean(picture("PNG", pnginfo=notes)).data == picture("PNG")


ODD = {
    "a large compressed text": with_chunk(
        picture("PNG"), b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3 << 20))
    ),
    "a broken text": with_chunk(picture("PNG"), b"tEXt", b"Comment\0x", invalid_checksum=True),
    "a broken profile": with_chunk(picture("PNG"), b"iCCP", b"x\0\0nonsense"),
    "a profile that inflates for ever": with_chunk(
        picture("PNG"), b"iCCP", b"x\0\0" + zlib.compress(bytes(64 << 20))
    ),
    "broken EXIF": with_chunk(picture("PNG"), b"eXIf", b"MM\0\x2a\xff\xff\xff\xff"),
    "an animation without frames": with_chunk(picture("PNG"), b"acTL", struct.pack(">II", 5, 0)),
    **{
        f"{name.decode()} of no such length": with_chunk(picture("PNG"), name, body)
        for name, body in {
            b"gAMA": b"",
            b"cHRM": b"1",
            b"sRGB": b"",
            b"cICP": b"123",
            b"mDCV": b"",
            b"cLLI": bytes(9),
        }.items()
    },
    "a gamma after the pixels": picture("PNG")[:-12] + chunk(b"gAMA", bytes((0, 0, 0, 9))),
    "a profile after the pixels": picture("PNG")[:-12]
    + chunk(b"iCCP", b"x\0\0" + zlib.compress(profile())),
    "no end": picture("PNG")[:-12],
    "half an end": picture("PNG")[:-5],
}


@pytest.mark.parametrize("sent", ODD.values(), ids=ODD.keys())
def test_metadata_are_no_reason_to_refuse_a_png(sent: bytes) -> None:
    assert clean(sent).data == picture("PNG")
    assert opened(thumbnail(sent)).size == (60, 40)


def renumbered_tables() -> bytes:
    """Create a JPEG whose quantisation tables have the numbers 2 and 3."""
    data = bytearray(picture("JPEG"))
    for number in (0, 1):
        at = data.index(b"\xff\xdb\0\x43" + bytes((number,)))
        data[at + 4] = number + 2
    frame = data.index(b"\xff\xc0")
    for component in range(3):
        data[frame + 12 + 3 * component] += 2
    return bytes(data)


@pytest.mark.parametrize("orientation", [1, TURNED_LEFT])
def test_a_jpeg_may_number_its_tables_as_it_likes(orientation: int) -> None:
    usual, odd = picture("JPEG"), renumbered_tables()
    exif_of_both = picture("JPEG", exif=exif(orientation))[2:].partition(b"\xff\xdb")[0]
    sanitized = [clean(jpeg[:2] + exif_of_both + jpeg[2:]).data for jpeg in (usual, odd)]
    assert rendered(sanitized[0]) == rendered(sanitized[1])


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_may_lack_its_end(options: dict[str, Any], missing: int) -> None:
    whole = picture("JPEG", **options)
    assert clean(whole[:-missing]).data == whole


def test_of_a_file_of_several_jpegs_the_first_is_taken() -> None:
    views = encoded(photo(), "MPO", save_all=True, append_images=[photo().rotate(90)])
    sanitized = clean(views)
    assert (sanitized.format, b"MPF\0" in views, b"MPF\0" in sanitized.data) == (
        "JPEG",
        True,
        False,
    )
    assert opened(sanitized).tobytes() == opened(views).tobytes()


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("WEBP", {"lossless": True})]
)
@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_image_is_turned_as_its_exif_says(
    kind: str, options: dict[str, Any], orientation: int
) -> None:
    sent = picture(kind, exif=exif(orientation), **options)
    expected = opened(sent).convert("RGB").transpose(images._TRANSPOSITIONS[orientation])
    loss = 0 if kind == "PNG" or options else 40
    for turned in (opened(clean(sent)), opened(thumbnail(sent))):
        assert turned.size == expected.size
    assert difference(opened(clean(sent)), expected) <= loss
    assert MARK not in clean(sent).data


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_animated_png_is_turned_frame_by_frame(orientation: int) -> None:
    sent = all_apng_operations()
    turned = clean(with_chunk(sent, b"eXIf", exif(orientation).tobytes().removeprefix(b"Exif\0\0")))
    operation = images._TRANSPOSITIONS[orientation]
    expected = [
        (frame.convert("RGBA").transpose(operation).tobytes(), frame.info["duration"])
        for frame in ImageSequence.Iterator(Image.open(BytesIO(sent)))
    ]
    assert rendered(turned.data) == expected


def test_an_animated_webp_is_turned_frame_by_frame() -> None:
    sent = animated_webp(lossless=True, exif=exif(TURNED_LEFT))
    turned = clean(sent).data
    expected = [
        (frame.convert("RGBA").transpose(Image.Transpose.ROTATE_270).tobytes(), 70)
        for frame in ImageSequence.Iterator(Image.open(BytesIO(sent)))
    ]
    assert rendered(turned) == expected
    assert opened(turned).info["loop"] == 3


def test_a_turned_jpeg_is_as_good_as_it_was_and_no_larger() -> None:
    sent = encoded(photo((400, 300)), "JPEG", quality=80, exif=exif(TURNED_LEFT))
    turned = clean(sent).data
    assert opened(turned).quantization == opened(sent).quantization  # type: ignore[attr-defined]
    assert len(turned) < 1.1 * len(sent)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_profile_of_srgb_is_taken_away(kind: str) -> None:
    sanitized = clean(picture(kind, icc_profile=srgb())).data
    assert "icc_profile" not in opened(sanitized).info
    assert rendered(sanitized) == rendered(picture(kind))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA"])
def test_colours_of_another_profile_are_converted(mode: str) -> None:
    space = "GRAY" if mode.startswith("L") else "RGB"
    image = Image.new("RGBA", (8, 8), (100, 100, 100, 77)).convert(mode)
    sent = encoded(image, "PNG", icc_profile=profile(gamma=1.0, space=space))
    seen = opened(clean(sent)).convert("RGBA")
    # 100/255 of the light is 168/255 in sRGB.
    assert all(abs(value - 168) <= 6 for value in seen.getpixel((3, 3))[:3])  # type: ignore[index]
    assert seen.getpixel((3, 3))[3] == image.convert("RGBA").getpixel((3, 3))[3]  # type: ignore[index]
    assert "icc_profile" not in opened(clean(sent)).info


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_converted_image_is_similar_in_every_format_and_as_a_thumbnail(kind: str) -> None:
    grey = Image.new("RGB", (8, 8), (100, 100, 100))
    sent = encoded(grey, kind, icc_profile=profile(gamma=1.0))
    for seen in (clean(sent), thumbnail(sent)):
        assert difference(opened(seen), Image.new("RGB", (8, 8), (168, 168, 168))) <= 8


def test_an_animated_png_of_another_profile_stays_animated() -> None:
    sent = all_apng_operations()
    before = sent[:8] + sent[8:33] + _iccp(profile(gamma=1.0)) + sent[33:]
    seen = rendered(clean(before).data)
    assert [shown for _, shown in seen] == [shown for _, shown in rendered(sent)]
    assert seen != rendered(sent)


def _iccp(data: bytes) -> bytes:
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(data))


def test_a_profile_of_other_colours_than_the_image_has_is_ignored() -> None:
    sent = encoded(photo(), "PNG", icc_profile=profile(space="GRAY"))
    assert clean(sent).data == picture("PNG")


def test_a_cmyk_jpeg_becomes_one_that_browsers_show() -> None:
    sent = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")
    assert difference(opened(clean(sent)), Image.new("RGB", (8, 8), "red")) <= 3
    assert opened(clean(sent)).mode == "RGB"


@pytest.mark.parametrize("transparent", [None, 40_000])
def test_a_thumbnail_of_16_bit_grey_has_the_same_tones(transparent: int | None) -> None:
    tones = range(0, 65536, 256)
    row = b"\0" + b"".join(BIG_ENDIAN_16.pack(tone) for tone in tones)
    trns = () if transparent is None else (chunk(b"tRNS", BIG_ENDIAN_16.pack(40_192)),)
    seen = opened(thumbnail(png(256, 16, row * 16, 16, 0, *trns))).convert("RGBA")
    shown = [seen.getpixel((x, 8)) for x in range(256)]
    away = 157 if trns else -9
    assert max(abs(shown[x][0] - x) for x in range(256) if abs(x - away) > 3) < 12  # type: ignore[index]
    assert (shown[157][3] < 128) == bool(trns)  # type: ignore[index]
    assert shown[20][3] == 255  # type: ignore[index]


@pytest.mark.parametrize("sent", [all_gif_disposals(), animated_webp(), all_apng_operations()])
def test_a_thumbnail_of_an_animation_is_its_first_frame(sent: bytes) -> None:
    seen = opened(thumbnail(sent))
    assert not getattr(seen, "is_animated", False)
    assert difference(seen, opened(sent)) < 60


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [(1600, 800), (800, 1600), (513, 1), (3, 2)])
def test_a_thumbnail_has_no_side_beyond_the_limit(kind: str, size: tuple[int, int]) -> None:
    image = opened(thumbnail(picture(kind, size)))
    assert image.format == "WEBP"
    assert max(image.size) == min(max(size), 512)


def test_a_thumbnail_preserves_transparency() -> None:
    sent = encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")
    assert opened(thumbnail(sent)).getchannel("A").getextrema() == (0, 0)


def bomb(width: int, height: int) -> bytes:
    """Create a PNG of a few bytes with a huge size in its header."""
    return png(width, height, bytes(1000))


FLAT_ROWS = (b"\0" + b"abc" * 60) * 40
WHOLE_JPEG = picture("JPEG", (200, 200))
NO_IMAGES = {
    "nothing": b"",
    "text": b"hello",
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "BMP": picture("BMP"),
    "TIFF": picture("TIFF"),
    "PDF": picture("PDF"),
    "only the beginning of a PNG": SIGNATURE,
    "a PNG without pixels": SIGNATURE + picture("PNG")[8:33] + chunk(b"IEND", b""),
    "a PNG bomb": bomb(60_000, 60_000),
    "a PNG a little too large": bomb(8_000, 8_001),
    "a PNG that lacks what it announces": bomb(5_000, 5_000),
    "a PNG that lacks one row": png(60, 40, FLAT_ROWS[:-181], 8, 2),
    "a PNG that lacks one byte": png(60, 40, FLAT_ROWS[:-1], 8, 2),
    "a PNG with an unknown filter": png(60, 40, b"\x05" + FLAT_ROWS[1:], 8, 2),
    "a PNG with a broken header": picture("PNG")[:20] + b"\xff" + picture("PNG")[21:],
    "a PNG with broken pixels": picture("PNG")[:60] + b"\xff" + picture("PNG")[61:],
    "an APNG that lacks a frame": all_apng_operations().replace(
        chunk(b"acTL", struct.pack(">II", 7, 3)), chunk(b"acTL", struct.pack(">II", 8, 3))
    ),
    "a frame outside of an APNG": apng([(photo((8, 8)), 0, 0, 0, 0), (photo((8, 8)), 1, 0, 0, 0)]),
    "a GIF bomb": b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + picture("GIF")[10:],
    "a WebP bomb": animated_webp()[:24] + b"\xff\x3f\x00" * 2 + animated_webp()[30:],
    "a JPEG without a scan": WHOLE_JPEG[: WHOLE_JPEG.index(b"\xff\xda")],
    "a cut JPEG with an end": WHOLE_JPEG[:-60] + b"\xff\xd9",
    "a progressive JPEG without its last scans": picture("JPEG", (200, 200), progressive=True)[
        : picture("JPEG", (200, 200), progressive=True).rindex(b"\xff\xda") - 20
    ],
    **{f"a cut {kind}": picture(kind, (200, 200))[:-60] for kind in ("PNG", "JPEG", "GIF", "WEBP")},
    **{f"half a {kind}": picture(kind)[: len(picture(kind)) // 2] for kind in FORMATS},
}


@pytest.mark.parametrize("decode", [clean, thumbnail])
@pytest.mark.parametrize("sent", NO_IMAGES.values(), ids=NO_IMAGES.keys())
def test_what_is_no_whole_image_is_refused(sent: bytes, decode: Any) -> None:
    with pytest.raises(BadImageError):
        decode(sent)


def test_the_frames_of_an_animation_may_have_256_megapixels_together() -> None:
    frame = (Image.new("P", (2000, 2000)), 0, 0, 0, False)
    dot = (Image.new("P", (1, 1)), 0, 0, 0, False)
    assert len(rendered(clean(gif([frame, *[dot] * 63])).data)) == 64
    with pytest.raises(BadImageError):
        clean(gif([frame, *[dot] * 64]))


@pytest.mark.parametrize("size", [(8192, 6144), (8000, 8000)])
def test_a_large_photo_is_taken(size: tuple[int, int]) -> None:
    sent = encoded(Image.new("L", size, 90), "JPEG")
    assert clean(sent).data == sent


@pytest.mark.parametrize("sent", WITHOUT_METADATA.values(), ids=WITHOUT_METADATA.keys())
def test_a_damaged_image_is_taken_or_refused_and_nothing_else(sent: bytes) -> None:
    chance = random.Random(1)
    for _ in range(15):
        damaged = bytearray(sent)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(12, len(sent))] = chance.randrange(256)
        for decode in (clean, thumbnail):
            with suppress(BadImageError):
                decode(bytes(damaged[: chance.choice((len(sent), chance.randrange(len(sent))))]))
