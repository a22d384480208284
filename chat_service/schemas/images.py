"""Shapes of what sending pictures takes and answers."""

from marshmallow.validate import Length

from chat_service.schemas import ConversationId
from shared.web.fields import RequestSchema, Text, Upload


class ImageIn(RequestSchema):
    """聊天消息发送 /conversations/image: a file in a form."""

    conversation_id = ConversationId("conversationId")
    image = Upload(required=True)
    client_id = Text(validate=Length(max=64))
