"""Parse avatars of accounts and groups: an image as text, or a reference."""

import base64
import re

from shared.media.decoder import EncodedImage, decoder
from shared.media.imaging.container import BadImageError
from shared.web.errors import bad_parameter
from shared.web.spool import spool

_MAX_BYTES = 2 * 1024 * 1024
_MAX_SIDE = 512
_MAX_REFERENCE_LENGTH = 2048
_DATA_URI_TYPES = {f"data:image/{name}" for name in ("png", "jpeg", "jpg", "gif", "webp")}
# The first base64 characters of PNG, JPEG, GIF and WebP.
_BASE64_MAGIC = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")
_WHITE_SPACE = re.compile(r"\s+")
_FORBIDDEN_REFERENCE = re.compile(
    r"\s*(javascript|vbscript|data):|.*[\x00-\x1f\x7f-\x9f]", re.IGNORECASE | re.DOTALL
)


def parse_avatar(sent: str, user_id: int) -> EncodedImage | str:
    """Parse an uploaded avatar into what other users see.

    Returns:
        a thumbnail of the image in a data URI or bare base64, or the text itself if it is a short
        reference of the client.

    Raises:
        ApiError: it is neither, or it could not be decoded in time (503).
    """
    head, comma, body = sent.partition(",")
    kind, *parameters = (part.strip() for part in head.lower().split(";"))
    if kind in _DATA_URI_TYPES and comma and parameters[-1:] == ["base64"]:
        return _picture(body, user_id)
    if _WHITE_SPACE.sub("", sent[:_MAX_REFERENCE_LENGTH]).startswith(_BASE64_MAGIC):
        return _picture(sent, user_id)
    if len(sent) > _MAX_REFERENCE_LENGTH or _FORBIDDEN_REFERENCE.match(sent):
        raise bad_parameter("avatar")
    return sent


def _picture(encoded: str, user_id: int) -> EncodedImage:
    """Make a thumbnail of an image in base64, which can have line breaks and no padding."""
    digits = _WHITE_SPACE.sub("", encoded).rstrip("=")
    try:
        image = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
        if len(image) <= _MAX_BYTES:
            with spool.create_file() as file:
                file.write(image)
                return decoder.thumbnail(file, user_id, _MAX_SIDE)
    except (ValueError, BadImageError):
        pass
    raise bad_parameter("avatar")
