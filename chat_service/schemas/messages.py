"""Shapes of what sending, reading, finding and deleting messages take and answer."""

from marshmallow import fields
from marshmallow.validate import Length

from chat_service.schemas import ConversationId, IdList, Number
from shared.fields import Answer, Id, Params, Text, Time


class MessagesIn(Params):
    """获取消息列表: which messages; without bounds all of them."""

    conversation_id = ConversationId("conversationId")
    since = Time(data_key="from")
    limit = Number(1, 1000, "1000|[1-9][0-9]{0,2}")
    before_id = Id()
    after_id = Id()
    after_version = Id()


class Message(Answer):
    """A message; type 0 is a text, 1 an image. Only a reply has the three ``reply_to`` fields.

    ``seq`` is its number in the conversation, ``version`` the conversation's with this message.
    """

    id = fields.Integer()
    seq = fields.Integer()
    version = fields.Integer()
    type = fields.Integer()
    content = fields.String()
    senderid = fields.Integer()
    sendername = fields.String()
    senderavatar = fields.String()
    reply_to = fields.String(metadata={"optional": True})
    reply_to_id = fields.Integer(metadata={"optional": True})
    reply_to_type = fields.Integer(metadata={"optional": True})
    conversation = fields.Integer()
    created_time = Time()
    already_read = fields.Boolean(metadata={"optional": True})


class MessagesOut(Answer):
    """The messages, oldest first, and what was deleted since ``after_version``."""

    messages = fields.List(fields.Nested(Message))
    deleted_ids = fields.List(fields.Integer())
    version = fields.Integer()


class TextIn(Params):
    """聊天消息发送: a text, maybe in reply to another message."""

    conversation_id = ConversationId("conversationId")
    content = Text(required=True, metadata={"example": "messageContent"})
    reply_to_id = Id(data_key="reply_to")
    client_id = Text(validate=Length(max=64))


class SentOut(Answer):
    """The message as it was sent."""

    message_id = fields.Integer()
    seq = fields.Integer()
    created_time = Time()


class MessageIdIn(Params):
    """Which message."""

    message_id = Id(required=True)


class MessageIdsIn(Params):
    """Which messages."""

    message_ids = IdList(required=True)


class Reply(Answer):
    """A message that answers another."""

    reply_id = fields.Integer()
    reply_type = fields.Integer()
    sender_id = fields.Integer()
    sender_name = fields.String()
    sender_avatar = fields.String()
    content = fields.String()
    timestamp = Time()
    time = Time()


class RepliesOut(Answer):
    """The replies, oldest first."""

    replies = fields.List(fields.Nested(Reply))


class FiltersIn(Params):
    """筛选聊天记录: what the messages must all be; both times belong to the span."""

    conversation_id = ConversationId("conversationId")
    since = Time(data_key="start_time")
    until = Time(data_key="end_time", end_of_second=True)
    sender_id = Id()
    sender_name = Text(validate=Length(max=255))
    content = Text(validate=Length(max=255))


class FoundMessage(Answer):
    """A message that fits the filters."""

    id = fields.Integer()
    type = fields.Integer()
    sender_id = fields.Integer()
    sender_name = fields.String()
    sender_avatar = fields.String()
    content = fields.String()
    timestamp = Time()


class FoundMessagesOut(Answer):
    """The messages that fit, oldest first."""

    messages = fields.List(fields.Nested(FoundMessage))


class Reader(Answer):
    """Somebody who has read a message."""

    id = fields.Integer()
    name = fields.String()
    avatar = fields.String()


class ReadersOut(Answer):
    """Who has read a message, beside its sender."""

    read_users = fields.List(fields.Nested(Reader))
