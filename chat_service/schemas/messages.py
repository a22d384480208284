"""Shapes of what sending, reading, finding and deleting messages take and answer."""

from marshmallow import fields
from marshmallow.validate import Length

from chat_service.schemas import ConversationId, ConversationIn, IdList, Number
from chat_service.schemas.conversations import Conversation
from shared.web.fields import Id, QueryFlag, RequestSchema, ResponseSchema, Text, Time

MAX_SYNCED = 1000


class MessagesIn(RequestSchema):
    """获取消息列表: which messages; without bounds all of them."""

    conversation_id = ConversationId("conversationId")
    since = Time(data_key="from")
    limit = Number(1, 1000, "1000|[1-9][0-9]{0,2}")
    before_id = Id()
    after_id = Id()
    after_version = Id()
    marks_read = QueryFlag(
        data_key="read",
        metadata={"description": "`false`: the read position does not move.", "default": True},
    )


class Message(ResponseSchema):
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


class MessagesOut(ResponseSchema):
    """The messages, oldest first, and what was deleted since ``after_version``."""

    messages = fields.List(fields.Nested(Message))
    deleted_ids = fields.List(fields.Integer())
    version = fields.Integer()


class SyncIn(RequestSchema):
    """Catching up: the version that the client has of each conversation that it knows."""

    versions = fields.Dict(
        keys=Id(),
        values=Id(),
        required=True,
        validate=Length(max=MAX_SYNCED),
        metadata={"example": {"12": 345}},
    )
    limit = Number(1, 200, "200|1[0-9]{2}|[1-9][0-9]?", load_default=50)
    conversation_ids = fields.List(Id(), validate=Length(max=MAX_SYNCED))


class ChangedConversation(Conversation):
    """A conversation that changed, and how; ``version`` is what to send next time.

    With ``has_more`` there are more changes after that version, or of a conversation that was
    not given: older messages.
    """

    messages = fields.List(fields.Nested(Message))
    deleted_ids = fields.List(fields.Integer())
    has_more = fields.Boolean()


class SyncOut(ResponseSchema):
    """What changed, and which of the given ids are no open conversations of the caller."""

    conversations = fields.List(fields.Nested(ChangedConversation))
    gone = fields.List(fields.Integer())


class ReadIn(ConversationIn):
    """The message up to which the caller has read."""

    message_id = Id(required=True)


class TextIn(RequestSchema):
    """聊天消息发送: a text, maybe in reply to another message."""

    conversation_id = ConversationId("conversationId")
    content = Text(required=True, metadata={"example": "messageContent"})
    reply_to_id = Id(data_key="reply_to")
    client_id = Text(validate=Length(max=64))


class SentOut(ResponseSchema):
    """The message as it was sent."""

    message_id = fields.Integer()
    seq = fields.Integer()
    created_time = Time()


class MessageIdIn(RequestSchema):
    """Which message."""

    message_id = Id(required=True)


class MessageIdsIn(RequestSchema):
    """Which messages."""

    message_ids = IdList(required=True)


class Reply(ResponseSchema):
    """A message that answers another."""

    reply_id = fields.Integer()
    reply_type = fields.Integer()
    sender_id = fields.Integer()
    sender_name = fields.String()
    sender_avatar = fields.String()
    content = fields.String()
    timestamp = Time()
    time = Time()


class RepliesOut(ResponseSchema):
    """The replies, oldest first."""

    replies = fields.List(fields.Nested(Reply))


class FiltersIn(RequestSchema):
    """筛选聊天记录: what the messages must all be; both times belong to the span."""

    conversation_id = ConversationId("conversationId")
    since = Time(data_key="start_time")
    until = Time(data_key="end_time", end_of_second=True)
    sender_id = Id()
    sender_name = Text(validate=Length(max=255))
    content = Text(validate=Length(max=255))


class FoundMessage(ResponseSchema):
    """A message that fits the filters."""

    id = fields.Integer()
    type = fields.Integer()
    sender_id = fields.Integer()
    sender_name = fields.String()
    sender_avatar = fields.String()
    content = fields.String()
    timestamp = Time()


class FoundMessagesOut(ResponseSchema):
    """The messages that fit, oldest first."""

    messages = fields.List(fields.Nested(FoundMessage))


class SearchIn(RequestSchema):
    """What to find in all conversations of the caller, or in one of them."""

    content = Text(required=True, validate=Length(1, 255), metadata={"example": "hello"})
    conversation_id = ConversationId(required=False)
    sender_id = Id()
    since = Time(data_key="start_time")
    until = Time(data_key="end_time", end_of_second=True)
    before_id = Id()
    limit = Number(1, 100, "100|[1-9][0-9]?", load_default=50)


class FoundAnywhere(FoundMessage):
    """A message that fits, and where it is."""

    conversation_id = fields.Integer()
    conversation_name = fields.String()


class SearchOut(ResponseSchema):
    """The messages that fit, newest first; ``next_before_id`` if there may be more."""

    messages = fields.List(fields.Nested(FoundAnywhere))
    next_before_id = fields.Integer(
        metadata={
            "optional": True,
            "description": "The `before_id` of the next page; absent on the last one. What one "
            "request reads is bounded: a page may be short, or empty, and not be the last one.",
        }
    )


class Reader(ResponseSchema):
    """Somebody who has read a message."""

    id = fields.Integer()
    name = fields.String()
    avatar = fields.String()


class ReadersOut(ResponseSchema):
    """Who has read a message, beside its sender."""

    read_users = fields.List(fields.Nested(Reader))
