"""What may be sent as the avatar of an account or a group: a picture as text, or a reference."""

import base64
import re

from shared.errors import bad_parameter
from shared.media import NotAPicture, Picture, rendition

_LARGEST = 2 * 1024 * 1024
_LONGEST_SIDE = 512
_LONGEST_REFERENCE = 2048
_DATA_URI_TYPES = {f"data:image/{name}" for name in ("png", "jpeg", "jpg", "gif", "webp")}
# How PNG, JPEG, GIF and WebP begin in base64.
_BARE_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")
_NO_REFERENCE = re.compile(
    r"\s*(javascript|vbscript|data):|.*[\x00-\x1f\x7f-\x9f]", re.IGNORECASE | re.DOTALL
)


def picture_or_reference(sent: str) -> Picture | str:
    """What everybody shall see of ``sent``.

    Returns:
        a small rendition of the picture that it holds (a data URI, or bare base64), or itself
        if it is a short reference of the client's own.

    Raises:
        ApiError: it is neither.
    """
    head, comma, body = sent.partition(",")
    kind, *parameters = head.lower().split(";")
    if kind in _DATA_URI_TYPES and comma and parameters[-1:] == ["base64"]:
        return _decoded(body)
    if sent.startswith(_BARE_BEGINNINGS):
        return _decoded(sent)
    if len(sent) > _LONGEST_REFERENCE or _NO_REFERENCE.match(sent):
        raise bad_parameter("avatar")
    return sent


def _decoded(encoded: str) -> Picture:
    try:
        image = base64.b64decode(encoded, validate=True)
        if len(image) <= _LARGEST:
            return rendition(image, _LONGEST_SIDE)
    except (ValueError, NotAPicture):
        pass
    raise bad_parameter("avatar")
