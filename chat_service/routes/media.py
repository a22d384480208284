"""Endpoints of images."""

from typing import Any

from flask import Response, request

from chat_service import errors
from chat_service.domain import media, sending
from chat_service.schemas.media import ImageIn
from chat_service.schemas.messages import SentOut, sent_out
from shared.web.api import MIB, Blueprint
from shared.web.authentication import current_user_id, public
from shared.web.errors import NOT_FOUND
from shared.web.spool import SpoolFile

blueprint = Blueprint("media", __name__)

# The content of a name never changes. A browser must not execute it as a page of this origin.
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


@blueprint.post("/conversations/image")
@blueprint.arguments(ImageIn, multipart=True, max_bytes=11 * MIB)
@blueprint.success("Succeed", SentOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND, errors.NOT_IN_CONVERSATION, errors.CLIENT_ID_USED)
def send_image(
    conversation_id: int, image: SpoolFile, client_id: str | None = None
) -> dict[str, Any]:
    """Send an image (聊天消息发送 /conversations/image)."""
    sent = sending.send_image(conversation_id, current_user_id(), image, client_id)
    return sent_out(sent)


@blueprint.get("/media/<name>")
@public
@blueprint.success(content_type="image/*")
@blueprint.errors(NOT_FOUND)
def get_image(name: str) -> Response:
    """Get an image; no token is needed, the URL cannot be guessed."""
    media_type, file = media.open_image(name)
    response = Response(file.chunks, mimetype=media_type, headers=_HEADERS)
    response.content_length = file.size
    response.set_etag(name)
    response.make_conditional(request)
    return response
