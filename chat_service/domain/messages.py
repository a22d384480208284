"""Messages as rows, with what is needed to show them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, bindparam, select
from sqlalchemy.orm import aliased

from chat_service.domain.accounts import Person, get_people
from chat_service.models import HiddenMessage, Message
from shared.data.columns import BigId

_Reply = aliased(Message)


class MessageRow(NamedTuple):
    """A message and what it replies to, if that is still there."""

    id: int
    seq: int
    version: int
    conversation_id: int
    type: int
    content: str
    sender_id: int
    created_at: datetime
    reply_id: int | None
    reply_type: int | None
    reply_content: str | None


class ReplyTarget(NamedTuple):
    """What a message replies to."""

    id: int | None
    type: int | None
    content: str | None


NO_REPLY = ReplyTarget(None, None, None)


class PairReads(NamedTuple):
    """How far a user and the friend have read their private conversation."""

    user_id: int
    own_read_seq: int
    friend_read_seq: int

    def has_read(self, message: MessageRow) -> bool:
        """Whether the one who did not send a message has read it."""
        is_own = message.sender_id == self.user_id
        return message.seq <= (self.friend_read_seq if is_own else self.own_read_seq)


class MessageBlock(NamedTuple):
    """Messages of a conversation, their senders by id, and, of a private one, who has read."""

    rows: list[MessageRow]
    senders: Mapping[int, Person]
    reads: PairReads | None


def to_message_rows(result: Iterable[Any]) -> list[MessageRow]:
    """The rows that a statement upon `MESSAGES` found."""
    return list(map(MessageRow._make, result))


def with_senders(rows: list[MessageRow], reads: PairReads | None) -> MessageBlock:
    """Messages with those who sent them."""
    return MessageBlock(rows, get_people({row.sender_id for row in rows}), reads)


def is_visible_to(user_id: int | BindParameter[int], message: Any = Message) -> ColumnElement[bool]:
    """Whether a user has not deleted ``message`` from the own view, in SQL."""
    hidden = (
        select(HiddenMessage.message_id)
        .where(HiddenMessage.user_id == user_id, HiddenMessage.message_id == message.id)
        .correlate(message)
    )
    return ~hidden.exists()


_USER = bindparam("user", type_=BigId)
MESSAGES = select(
    Message.id,
    Message.seq,
    Message.version,
    Message.conversation_id,
    Message.type,
    Message.content,
    Message.sender_id,
    Message.created_at,
    _Reply.id.label("reply_id"),
    _Reply.type.label("reply_type"),
    _Reply.content.label("reply_content"),
).outerjoin(_Reply, (_Reply.id == Message.reply_to_id) & is_visible_to(_USER, _Reply))
"""The columns of `MessageRow`, in their order; ``user`` is a parameter."""
