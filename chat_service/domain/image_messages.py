"""Sending pictures as messages."""

from chat_service import errors
from chat_service.domain import images, sending
from chat_service.domain.access import access_to
from chat_service.domain.sending import Sent
from shared.media.decoder import decoder
from shared.media.imaging.container import BadImageError
from shared.web.api import MIB
from shared.web.errors import PAYLOAD_TOO_LARGE, ApiError, bad_parameter
from shared.web.spool import SpoolFile

_LARGEST = 10 * MIB


def send_image(
    conversation_id: int, sender_id: int, upload: SpoolFile, client_id: str | None = None
) -> Sent:
    """Send a picture, upright, in sRGB and without its metadata.

    Args:
        conversation_id: where to.
        sender_id: a member.
        upload: the file as it came.
        client_id: the sender's own name for this message; the same one sends nothing twice.
    """
    if not access_to(conversation_id, sender_id, errors.CONVERSATION_NOT_FOUND).is_member:
        raise ApiError(errors.NOT_IN_CONVERSATION)
    if upload.size > _LARGEST:
        raise ApiError(PAYLOAD_TOO_LARGE)
    try:
        picture = decoder.clean(upload, sender_id)
    except BadImageError:
        raise bad_parameter("image") from None
    with images.keeping(picture) as name:
        sent = sending.send_image(conversation_id, sender_id, name, client_id)
    if not sent.is_new:
        images.forget(name)
    return sent
