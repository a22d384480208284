"""Verify, sanitize and resize images.

A sanitized image is upright, in sRGB, and without metadata. The pixel data of an upright image in
sRGB are not changed. Any other image is re-encoded, lossless if it was lossless.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, _imaging
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from shared.media.imaging import gif, jpeg, png, webp
from shared.media.imaging.colours import foreign_profile, in_8_bits, in_srgb
from shared.media.imaging.container import BadImageError, Container
from shared.media.imaging.png import Region

_ORIENTATION = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# No valid code reads the same in both, and neither contains a marker.
_PADDINGS = b"\x55" * 64, bytes((7 * n * n + 31 * n) % 251 for n in range(64))
_OUT_OF_MEMORY = "encoding error 1", "out of memory"  # The encoders' messages.
_WITHOUT_LOSS = {"lossless": True, "exact": True, "method": 0, "quality": 50}
_NEARLY_WITHOUT_LOSS = {"quality": 90, "exact": True}

# The size is checked before Pillow sees an image.
Image.MAX_IMAGE_PIXELS = None
# Large images are stored in blocks that can be returned to the system, not in the heap.
_imaging.set_block_size(64 << 20)


class EncodedImage(NamedTuple):
    """An image file and its Pillow format."""

    format: str
    data: bytes


def clean(data: bytes) -> EncodedImage:
    """Convert an image to an upright one in sRGB without metadata.

    Raises:
        BadImageError: it is not a complete PNG, JPEG, GIF or WebP of an accepted size.
    """
    image_format, container = _parse(data)
    _verify(image_format, container)
    correction = _Correction(container)
    encoded = container.data
    if isinstance(container, jpeg.Jpeg) and (correction or container.colours == "CMYK"):
        encoded = _corrected_jpeg(container, correction)
    elif isinstance(container, png.Png) and correction:
        encoded = _corrected_png(container, correction)
    elif isinstance(container, webp.WebP) and correction:
        encoded = _corrected_webp(container, correction)
    return EncodedImage(image_format, encoded)


def thumbnail(data: bytes, max_side: int) -> EncodedImage:
    """Make a still WebP of the image, with no side longer than ``max_side`` pixels.

    Raises:
        BadImageError: it is not a complete PNG, JPEG, GIF or WebP of an accepted size.
    """
    image_format, container = _parse(data)
    _verify(image_format, container)
    first = container.data
    if isinstance(container, png.Png):
        first = container.still(container.frames[0])
    small = _plain(_decode(first, image_format, (2 * max_side, 2 * max_side)))
    small.thumbnail((max_side, max_side))
    small = _Correction(container).apply(small)
    small = small.convert("RGBA" if small.has_transparency_data else "RGB")
    return EncodedImage("WEBP", _encode(small, "WEBP", quality=80))


class _Correction:
    """The conversion to an upright image in sRGB; false if there is nothing to do."""

    def __init__(self, container: Container) -> None:
        self._profile = foreign_profile(container.icc_profile, container.colours)
        self._orientation = _orientation(container.exif)

    def __bool__(self) -> bool:
        return bool(self.changes_colours or self._orientation != 1)

    @property
    def changes_colours(self) -> bool:
        """Whether the image is in another colour space."""
        return self._profile is not None

    def apply(self, image: Image.Image) -> Image.Image:
        """Convert the image, possibly in place."""
        if self._profile is not None:
            image = in_srgb(_plain(image), self._profile)
        if self._orientation != 1:
            image = image.transpose(_TRANSPOSITIONS[self._orientation])
        return image

    def move(self, region: Region, canvas: Region) -> Region:
        """Map a region to the upright image."""
        width, height, x, y = region
        if self._orientation in {2, 3, 7, 8}:
            x = canvas.width - x - width
        if self._orientation in {3, 4, 6, 7}:
            y = canvas.height - y - height
        return Region(height, width, y, x) if self.swaps_sides else Region(width, height, x, y)

    @property
    def swaps_sides(self) -> bool:
        """Whether the upright image is as wide as this one is high."""
        return self._orientation >= 5


def _parse(data: bytes) -> tuple[str, Container]:
    if data.startswith(png.SIGNATURE):
        return "PNG", png.parse(data)
    if data.startswith(jpeg.START):
        return "JPEG", jpeg.parse(data)
    if data.startswith(gif.SIGNATURES):
        return "GIF", gif.parse(data)
    if webp.is_webp(data):
        return "WEBP", webp.parse(data)
    raise BadImageError("another format")


def _verify(image_format: str, container: Container) -> None:
    """Decode the image, and reject it if pixels are missing."""
    if isinstance(container, png.Png):
        container.verify()
    elif isinstance(container, gif.Gif):
        for still in container.stills():
            _decode(still, "GIF")
    elif isinstance(container, jpeg.Jpeg):
        half = max(1, container.width // 2), max(1, container.height // 2)
        first, second = (
            _decode(container.padded(padding), "JPEG", half).histogram() for padding in _PADDINGS
        )
        if first != second:
            raise BadImageError("pixels are missing")
    else:
        for _ in _frames(container.data, image_format):
            pass


def _corrected_png(container: png.Png, correction: _Correction) -> bytes:
    canvas = container.frames[0].region

    def stills() -> Iterator[bytes]:
        for frame in container.frames:
            image = _decode(container.still(frame), "PNG")
            if container.play_count is not None:  # All frames have the same colours.
                image = image.convert("RGBA")
            yield _encode(correction.apply(image), "PNG", compress_level=3)

    regions = (correction.move(frame.region, canvas) for frame in container.frames)
    return container.replace_frames(stills(), regions, srgb=correction.changes_colours)


def _corrected_jpeg(container: jpeg.Jpeg, correction: _Correction) -> bytes:
    image = _decode(container.data, "JPEG")
    options = _jpeg_quality(image, swap=correction.swaps_sides)
    corrected = correction.apply(image)
    if corrected.mode not in {"L", "RGB"}:
        corrected = corrected.convert("RGB")
    return _encode(corrected, "JPEG", **options)


def _jpeg_quality(image: Image.Image, *, swap: bool) -> dict[str, Any]:
    """Choose encoder options with the original quality and a similar size."""
    assert isinstance(image, JpegImageFile)
    numbers = [layer[3] for layer in image.layer]
    if image.mode == "CMYK" or not set(numbers) <= image.quantization.keys():
        return {"quality": 90, "subsampling": 0}
    if numbers[1:2] == numbers[2:]:  # Blue and red share a table, as nearly always.
        numbers = numbers[:2]
    sampling = get_sampling(image)
    tables = [image.quantization[number] for number in numbers]
    return {
        "qtables": tables,
        "subsampling": 2 if sampling == 2 else 0 if swap else max(0, sampling),
    }


def _corrected_webp(container: webp.WebP, correction: _Correction) -> bytes:
    options = _WITHOUT_LOSS if container.is_lossless else _NEARLY_WITHOUT_LOSS
    if not container.is_animated:
        image = _decode(container.data, "WEBP").copy()  # After the decoder has freed its memory.
        return _encode(correction.apply(image), "WEBP", **options)
    frames = _frames(container.data, "WEBP")
    stills = (_encode(correction.apply(frame), "WEBP", **options) for frame in frames)
    size = container.width, container.height
    return webp.animate(stills, container, size[::-1] if correction.swaps_sides else size)


def _plain(image: Image.Image) -> Image.Image:
    """Convert the image to 8 bits per channel without a palette, with alpha if needed."""
    if image.mode.startswith("I"):
        image = in_8_bits(image)
    transparent = image.has_transparency_data
    if image.mode in {"1", "L", "LA"}:
        mode = "LA" if transparent else "L"
    elif image.mode == "CMYK":
        mode = "CMYK"
    else:
        mode = "RGBA" if transparent else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _orientation(data: bytes) -> int:
    """Read the EXIF orientation; 1 if there is none."""
    exif = Image.Exif()
    try:
        exif.load(data)
        orientation = exif.get(_ORIENTATION)
    except Exception:  # Invalid metadata is no reason to reject an image.
        return 1
    return orientation if orientation in _TRANSPOSITIONS else 1


def _decode(data: bytes, image_format: str, size: tuple[int, int] | None = None) -> Image.Image:
    """Decode an image. With ``size``, all of a JPEG is read, but it is decoded at a lower
    resolution.
    """
    with _decoding():
        image = Image.open(BytesIO(data), formats=[image_format])
        if size is not None:
            image.draft(None, size)
        image.load()
        return image


def _frames(data: bytes, image_format: str) -> Iterator[Image.Image]:
    """Yield every frame as a viewer composes it; each is valid until the next."""
    with _decoding():
        image = Image.open(BytesIO(data), formats=[image_format])
    for number in range(getattr(image, "n_frames", 1)):
        with _decoding():
            image.seek(number)
            image.load()
        yield image


def _encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    out = BytesIO()
    try:
        image.save(out, image_format, **options)
    except (OSError, ValueError) as error:
        if str(error).startswith(_OUT_OF_MEMORY):
            raise MemoryError from error
        raise
    return out.getvalue()


@contextmanager
def _decoding() -> Iterator[None]:
    """Convert any exception of a decoder to `BadImageError`."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise BadImageError(type(error).__name__) from error
