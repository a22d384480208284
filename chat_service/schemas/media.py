"""Schema of sending images, and the URLs of images."""

from chat_service.models import IMAGE
from chat_service.schemas import ClientId, ConversationId
from shared.web.fields import RequestSchema, Upload


class ImageIn(RequestSchema):
    """聊天消息发送 /conversations/image: a multipart form with a file."""

    conversation_id = ConversationId("conversationId")
    image = Upload(required=True)
    client_id = ClientId()


def media_url(base: str, name: str) -> str:
    """Build the URL of an image file."""
    return f"{base}/media/{name}"


def content_out(base: str, kind: int, content: str) -> str:
    """Get the text of a message, or the URL of its image."""
    return media_url(base, content) if kind == IMAGE else content
