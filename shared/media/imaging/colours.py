"""Colours of images as sRGB with 8 bits per channel."""

from io import BytesIO

from PIL import Image, ImageChops, ImageCms
from PIL.ImageCms import ImageCmsProfile, PyCMSError

_SRGB = ImageCmsProfile(ImageCms.createProfile("sRGB"))
_MAX_SRGB_DIFFERENCE = 3  # Of 255: programs round the profile of sRGB differently.
_SPACES = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}  # The names of colour spaces in profiles.


def in_8_bits(image: Image.Image) -> Image.Image:
    """Convert a grey image from 16 to 8 bits."""
    transparent = image.info.get("transparency")
    wide = image.convert("I")
    grey = wide.point([(value * 255 + 32767) // 65535 for value in range(65536)], "L")
    if transparent is not None:
        grey.putalpha(wide.point([255 * (value != transparent) for value in range(65536)], "L"))
    return grey


def in_srgb(image: Image.Image, profile: ImageCmsProfile) -> Image.Image:
    """Convert an image of a colour profile; its alpha channel stays."""
    if image.mode in {"RGB", "RGBA"}:
        transform = ImageCms.buildTransform(profile, _SRGB, image.mode, image.mode)
        ImageCms.applyTransform(image, transform, inPlace=True)
        return image
    base = image.mode.removesuffix("A")
    colours = image if image.mode == base else image.getchannel("L")
    converted = ImageCms.applyTransform(
        colours, ImageCms.buildTransform(profile, _SRGB, base, "RGB")
    )
    assert converted is not None
    if base == "L":
        converted = converted.convert("L")
    if image.mode != base:
        converted.putalpha(image.getchannel("A"))
    return converted


def foreign_profile(data: bytes, colours: str) -> ImageCmsProfile | None:
    """Load a valid colour profile of this mode that is not sRGB."""
    if not data:
        return None
    try:
        profile = ImageCmsProfile(BytesIO(data))
        if profile.profile.xcolor_space != _SPACES[colours]:
            return None
        transform = ImageCms.buildTransform(profile, _SRGB, colours, "RGB")
    except (OSError, PyCMSError):
        return None
    if colours == "CMYK":
        return profile
    sample = _sample(colours)
    converted = ImageCms.applyTransform(sample, transform)
    assert converted is not None
    difference = ImageChops.difference(converted, sample.convert("RGB"))
    return profile if max(difference.tobytes()) > _MAX_SRGB_DIFFERENCE else None


def _sample(colours: str) -> Image.Image:
    """Generate colours that are spread evenly over the colour space."""
    if colours == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    levels = range(0, 256, 17)
    return Image.frombytes(
        "RGB",
        (256, 16),
        bytes(c for r in levels for g in levels for b in levels for c in (r, g, b)),
    )
