"""Messages as rows, with the senders and read positions that a response contains."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Result, bindparam, select
from sqlalchemy.orm import aliased

from chat_service.domain.accounts import Person, get_people
from chat_service.models import HiddenMessage, Message
from shared.data.columns import BigId

_Reply = aliased(Message)


class MessageRow(NamedTuple):
    """A message, and the message that it replies to unless that is deleted or hidden."""

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


class PairReads(NamedTuple):
    """The read positions of both members of a private conversation."""

    user_id: int
    own_read_seq: int
    friend_read_seq: int

    def has_read(self, message: MessageRow) -> bool:
        """Whether the receiver of a message has read it."""
        is_own = message.sender_id == self.user_id
        return message.seq <= (self.friend_read_seq if is_own else self.own_read_seq)


class MessageBlock(NamedTuple):
    """Messages of a conversation, their senders by id, and the reads if it is private."""

    rows: list[MessageRow]
    senders: Mapping[int, Person]
    reads: PairReads | None


def to_message_rows(result: Result[*tuple[Any, ...]]) -> list[MessageRow]:
    """Convert the result of a statement with the columns of `MESSAGES`."""
    return list(map(MessageRow._make, result.all()))


def with_senders(rows: list[MessageRow], reads: PairReads | None) -> MessageBlock:
    """Add the profiles of the senders to messages."""
    return MessageBlock(rows, get_people({row.sender_id for row in rows}), reads)


def is_visible_to(user_id: int | BindParameter[int], message: Any = Message) -> ColumnElement[bool]:
    """Build the condition that a user has not hidden ``message``."""
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
"""Selects the columns of `MessageRow`, in their order. Parameter: ``user``."""
