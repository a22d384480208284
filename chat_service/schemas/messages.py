"""Schemas of sending, listing and deleting messages."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from marshmallow import fields

from chat_service.domain.accounts import Person
from chat_service.domain.history import MessagePage
from chat_service.domain.messages import MessageBlock, MessageRow
from chat_service.domain.search import SummaryBlock
from chat_service.domain.sending import SentMessage
from chat_service.schemas import (
    ClientId,
    ConversationId,
    ConversationIn,
    IdList,
    NumberOrString,
    blocks_out,
)
from chat_service.schemas.media import content_out
from chat_service.schemas.people import PersonOut, people_out, person_out
from shared.web.fields import Id, QueryFlag, RequestSchema, ResponseSchema, Text, Time
from shared.web.streaming import Blocks


class MessagesIn(RequestSchema):
    """获取消息列表: bounds of the list; without bounds all messages."""

    conversation_id = ConversationId("conversationId")
    since = Time(data_key="from")
    limit = NumberOrString(1, 1000, "1000|[1-9][0-9]{0,2}")
    before_id = Id()
    after_id = Id()
    after_version = Id()
    marks_read = QueryFlag(
        data_key="read",
        metadata={"description": "`false`: the read position remains.", "default": True},
    )


class Message(ResponseSchema):
    """A message; type 0 is a text, 1 an image. Only a reply has the three ``reply_to`` fields.

    ``seq`` is its number in the conversation, ``version`` that of the conversation after the send.
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


def message_out(row: MessageRow, sender: PersonOut, base: str) -> dict[str, Any]:
    """Build a `Message` without ``already_read``."""
    message = {
        "id": row.id,
        "seq": row.seq,
        "version": row.version,
        "type": row.type,
        "content": content_out(base, row.type, row.content),
        "senderid": row.sender_id,
        "sendername": sender.name,
        "senderavatar": sender.avatar,
        "conversation": row.conversation_id,
        "created_time": row.created_at,
    }
    if row.reply_type is not None:
        message["reply_to"] = content_out(base, row.reply_type, row.reply_content or "")
        message["reply_to_id"] = row.reply_id
        message["reply_to_type"] = row.reply_type
    return message


def message_list_out(block: MessageBlock, base: str) -> list[dict[str, Any]]:
    """Build a `Message` of each row, with ``already_read`` in private conversations."""
    senders, reads = people_out(block.senders, base), block.reads
    messages = [message_out(row, senders[row.sender_id], base) for row in block.rows]
    if reads is not None:
        for row, message in zip(block.rows, messages, strict=True):
            message["already_read"] = reads.has_read(row)
    return messages


class MessagesOut(ResponseSchema):
    """The messages, oldest first, and the ids deleted since ``after_version``."""

    messages = fields.List(fields.Nested(Message))
    deleted_ids = fields.List(fields.Integer())
    version = fields.Integer()


def messages_out(page: MessagePage, base: str) -> dict[str, Any]:
    """Build a `MessagesOut`."""
    return {
        "messages": blocks_out(page.messages, partial(message_list_out, base=base)),
        "deleted_ids": page.deleted_ids,
        "version": page.version,
    }


class ReadIn(ConversationIn):
    """The last message that the caller has read."""

    message_id = Id(required=True)


class TextIn(RequestSchema):
    """聊天消息发送: a text, and the message that it replies to."""

    conversation_id = ConversationId("conversationId")
    content = Text(required=True, metadata={"example": "messageContent"})
    reply_to_id = Id(data_key="reply_to")
    client_id = ClientId()


class SentOut(ResponseSchema):
    """The sent message."""

    message_id = fields.Integer()
    seq = fields.Integer()
    created_time = Time()


def sent_out(sent: SentMessage) -> dict[str, Any]:
    """Build a `SentOut`."""
    return {"message_id": sent.message_id, "seq": sent.seq, "created_time": sent.created_at}


class MessageIdIn(RequestSchema):
    """A request about a message."""

    message_id = Id(required=True)


class MessageIdsIn(RequestSchema):
    """A request about messages."""

    message_ids = IdList(required=True)


class Reply(ResponseSchema):
    """A reply to a message."""

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


def replies_out(replies: SummaryBlock | Blocks[SummaryBlock], base: str) -> dict[str, Any]:
    """Build a `RepliesOut`."""
    return {"replies": blocks_out(replies, partial(_reply_list_out, base=base))}


def _reply_list_out(block: SummaryBlock, base: str) -> list[dict[str, Any]]:
    senders = people_out(block.senders, base)
    return [
        {
            "reply_id": row.id,
            "reply_type": row.type,
            "sender_id": row.sender_id,
            "sender_name": senders[row.sender_id].name,
            "sender_avatar": senders[row.sender_id].avatar,
            "content": content_out(base, row.type, row.content),
            "timestamp": row.created_at,
            "time": row.created_at,
        }
        for row in block.rows
    ]


class Reader(ResponseSchema):
    """A user who has read a message."""

    id = fields.Integer()
    name = fields.String()
    avatar = fields.String()


class ReadersOut(ResponseSchema):
    """The members who have read a message, without its sender."""

    read_users = fields.List(fields.Nested(Reader))


def readers_out(readers: Iterable[Person], base: str) -> dict[str, Any]:
    """Build a `ReadersOut`."""
    return {
        "read_users": [
            {"id": reader.id, **person_out(reader, base)._asdict()} for reader in readers
        ]
    }
