"""Shapes of what sending images takes, and the URLs under which they are served."""

from marshmallow.validate import Length

from chat_service.models import IMAGE
from chat_service.schemas import ConversationId
from shared.web.fields import RequestSchema, Text, Upload


class ImageIn(RequestSchema):
    """聊天消息发送 /conversations/image: a file in a form."""

    conversation_id = ConversationId("conversationId")
    image = Upload(required=True)
    client_id = Text(validate=Length(max=64))


def media_url(base: str, name: str) -> str:
    """Where the file ``name`` is served, for an answer whose public base is ``base``."""
    return f"{base}/media/{name}"


def content_out(base: str, kind: int, content: str) -> str:
    """The text of a message, or the URL of its image."""
    return media_url(base, content) if kind == IMAGE else content
