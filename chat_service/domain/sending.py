"""Sending messages: each once, numbered in the order of its conversation."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, exists, null, select, update

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import notices
from chat_service.domain.accounts import Person, person
from chat_service.domain.messages import MessageRow, shown, visible_to
from chat_service.domain.reading import PLACE, Place, forward_to, move_forward, place_in
from chat_service.domain.text import is_blank
from chat_service.metrics import messages_sent
from chat_service.models import (
    IMAGE,
    TEXT,
    Account,
    Conversation,
    Deletion,
    Membership,
    Message,
)
from shared.data.columns import UtcDateTime
from shared.web.errors import ApiError

LONGEST_TEXT = 255


class Sent(NamedTuple):
    """A message that was sent, now (``is_new``) or by an earlier request of the same client id."""

    message_id: int
    seq: int
    created_at: datetime
    is_new: bool


def send_text(
    conversation_id: int,
    sender_id: int,
    content: str,
    reply_to_id: int | None = None,
    client_id: str | None = None,
) -> Sent:
    """Send a text.

    Args:
        conversation_id: where to.
        sender_id: a member.
        content: 1 to 255 characters that show something.
        reply_to_id: a message of the conversation that it answers.
        client_id: the sender's own name for this message; the same one sends nothing twice.
    """
    sender = _sender_in(conversation_id, sender_id)
    if is_blank(content):
        raise ApiError(errors.CONTENT_EMPTY)
    if len(content) > LONGEST_TEXT:
        raise ApiError(errors.CONTENT_TOO_LONG)
    draft = _Draft(conversation_id, sender_id, TEXT, content, reply_to_id, client_id or None)
    return _send(draft, sender)


def send_image(
    conversation_id: int, sender_id: int, file_name: str, client_id: str | None = None
) -> Sent:
    """Send an image whose file is stored already.

    If the answer is not ``is_new``, or the image is refused, nothing refers to the file.
    """
    sender = _sender_in(conversation_id, sender_id)
    draft = _Draft(conversation_id, sender_id, IMAGE, file_name, None, client_id or None)
    return _send(draft, sender)


class _Draft(NamedTuple):
    conversation_id: int
    sender_id: int
    type: int
    content: str
    reply_to_id: int | None
    client_id: str | None


class _Sender(NamedTuple):
    """Where somebody who sends stands, and how others see them."""

    place: Place
    person: Person


_SHOWN = (Account.id, Account.name, Account.avatar_digest, Account.avatar_reference)
_SENDER = PLACE.join(Account, Account.id == bindparam("user")).add_columns(*_SHOWN)


def _sender_in(conversation_id: int, sender_id: int) -> _Sender:
    row: Any = db.run(_SENDER, conversation=conversation_id, user=sender_id).first()
    place = place_in(
        row and row[: -len(_SHOWN)], errors.CONVERSATION_NOT_FOUND, errors.NOT_IN_CONVERSATION
    )
    return _Sender(place, person(notices.PUBLIC_BASE, *row[-len(_SHOWN) :]))


def _send(draft: _Draft, sender: _Sender) -> Sent:
    earlier = _sent_earlier(draft)
    if earlier is not None:
        return earlier
    place, reply = sender.place, _reply_target(draft)
    try:
        with transaction():
            message = MessageRow._make((*_append(draft), *reply))
            if place.read_seq < message.seq - 1:
                notices.read_position_moved(
                    draft.conversation_id, draft.sender_id, message.seq, is_group=place.is_group
                )
            told = shown(message, {draft.sender_id: sender.person}, notices.PUBLIC_BASE)
            if not place.is_group:
                told["already_read"] = False
            notices.message_sent(draft.conversation_id, draft.sender_id, told)
    except _InsertConflictError:
        earlier = _sent_earlier(draft)
        if earlier is None:
            raise ApiError(errors.CONVERSATION_NOT_FOUND) from None
        return earlier
    messages_sent.labels("image" if draft.type == IMAGE else "text").inc()
    return Sent(message.id, message.seq, message.created_at, is_new=True)


class _InsertConflictError(Exception):
    """The conversation is gone, or the client id was used in the meantime."""


def _append(draft: _Draft) -> Sequence[Any]:
    """Give the message the next number of its conversation, store it; its sender has read it.

    On PostgreSQL this is one statement, so that the lock of a busy conversation is held for two
    round trips less.

    Returns:
        the first columns of a `MessageRow`.

    Raises:
        _InsertConflictError: it is not stored.
        ApiError: the sender is in the conversation no longer.
    """
    given: dict[str, Any] = {
        "conversation": draft.conversation_id,
        "user": draft.sender_id,
        "now": datetime.now(UTC),
        **_named(draft._asdict()),
    }
    if db.is_sqlite:
        stored = _stored_on_sqlite(given)
    else:
        stored = db.run(_numbering_and_storing(), **given).first()
    if stored is None or (draft.client_id is not None and _is_deleted(draft)):
        raise _InsertConflictError
    *message, has_read = stored
    if not has_read:
        raise ApiError(errors.NOT_IN_CONVERSATION)
    return message


def _stored_on_sqlite(given: dict[str, Any]) -> Sequence[Any] | None:
    number = db.run(_NUMBERED, **given).first()
    row = number and db.run(_storing_numbered(), **given, **_named(number._asdict())).first()
    if row is None:
        return None
    return *row, move_forward(row.conversation_id, row.sender_id, row.seq)


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the new row as parameters, whose names must not be those of columns."""
    return {f"new_{name}": value for name, value in values.items()}


_NOW = bindparam("now", type_=UtcDateTime)
_NUMBERED = (
    update(Conversation)
    .where(Conversation.id == bindparam("conversation"), Conversation.is_open)
    .values(
        last_seq=Conversation.last_seq + 1,
        version=Conversation.version + 1,
        last_message_at=case(
            (Conversation.last_message_at > _NOW, Conversation.last_message_at), else_=_NOW
        ),
    )
    .returning(
        Conversation.last_seq.label("seq"),
        Conversation.version,
        Conversation.last_message_at.label("created_at"),
    )
)
_DRAFTED = [
    bindparam(f"new_{name}", type_=Message.__table__.c[name].type) for name in _Draft._fields
]


@cache
def _storing_numbered() -> Any:
    return _storing().values(
        {
            name: bindparam(f"new_{name}")
            for name in (*_Draft._fields, "seq", "version", "created_at")
        }
    )


@cache
def _numbering_and_storing() -> Any:
    number = _NUMBERED.cte("numbered")
    names = [*_Draft._fields, *number.c.keys()]
    stored = _storing().from_select(names, select(*_DRAFTED, *number.c)).cte("stored")
    forward = forward_to(stored.c.seq).returning(Membership.user_id).cte("forward")
    return select(*stored.c, exists(select(forward.c.user_id)))


def _storing() -> Any:
    return (
        db.insert(Message)
        .on_conflict_do_nothing(index_elements=["sender_id", "client_id"])
        .returning(
            Message.id,
            Message.seq,
            Message.version,
            Message.conversation_id,
            Message.type,
            Message.content,
            Message.sender_id,
            Message.created_at,
        )
    )


def _is_deleted(draft: _Draft) -> bool:
    """Whether the message of this client id came and went before the conversation was locked."""
    deleted = select(Deletion.message_id).where(
        Deletion.sender_id == draft.sender_id, Deletion.client_id == draft.client_id
    )
    return db.session.scalar(deleted) is not None


def _sent_earlier(draft: _Draft) -> Sent | None:
    """The message that was sent with the draft's client id before, also if it is deleted by now.

    Raises:
        ApiError: it was another message, or to another conversation.
    """
    if draft.client_id is None:
        return None
    there = select(
        Message.id,
        Message.seq,
        Message.created_at,
        Message.conversation_id,
        Message.type,
        Message.content,
    ).where(Message.sender_id == draft.sender_id, Message.client_id == draft.client_id)
    gone = select(
        Deletion.message_id,
        Deletion.seq,
        Deletion.created_at,
        Deletion.conversation_id,
        null(),
        null(),
    ).where(Deletion.sender_id == draft.sender_id, Deletion.client_id == draft.client_id)
    row: Any = db.session.execute(there.union_all(gone)).first()
    if row is None:
        return None
    message_id, seq, created_at, conversation_id, kind, content = row
    # An image gets another file name each time; a deleted message has nothing to compare.
    same_content = kind == draft.type and (kind == IMAGE or content == draft.content)
    if conversation_id != draft.conversation_id or not (kind is None or same_content):
        raise ApiError(errors.CLIENT_ID_USED)
    return Sent(message_id, seq, created_at, is_new=False)


def _reply_target(draft: _Draft) -> Sequence[Any]:
    """What the message replies to: the last columns of a `MessageRow`."""
    if draft.reply_to_id is None:
        return None, None, None
    row = db.session.execute(
        select(Message.id, Message.type, Message.content).where(
            Message.id == draft.reply_to_id,
            Message.conversation_id == draft.conversation_id,
            visible_to(draft.sender_id),
        )
    ).first()
    if row is None:
        raise ApiError(errors.REPLY_NOT_FOUND)
    return row
