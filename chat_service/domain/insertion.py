"""Insert a message with the next number of its conversation, and mark it read by its sender."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, exists, select, update

from chat_service import errors
from chat_service.db import db
from chat_service.domain.read_state import advance_read_position, advance_statement
from chat_service.models import Conversation, Deletion, Membership, Message
from shared.data.columns import UtcDateTime
from shared.web.errors import ApiError


class NewMessage(NamedTuple):
    """The columns of a message that come from its sender."""

    conversation_id: int
    sender_id: int
    type: int
    content: str
    reply_to_id: int | None
    client_id: str | None


class InsertedMessage(NamedTuple):
    """The columns of a message that depend on its conversation."""

    id: int
    seq: int
    version: int
    created_at: datetime


class InsertConflictError(Exception):
    """The conversation was closed or dissolved, or a concurrent request used the client id."""


def insert_message(message: NewMessage) -> InsertedMessage:
    """Insert a message, and advance the read position of its sender.

    PostgreSQL executes one statement, so that the lock of a busy conversation is held for two
    round trips less.

    Raises:
        InsertConflictError: the message is not stored.
        ApiError: ``NOT_IN_CONVERSATION``: the sender has left the conversation.
    """
    parameters: dict[str, Any] = {
        "conversation": message.conversation_id,
        "user": message.sender_id,
        "now": datetime.now(UTC),
        **_as_parameters(message._asdict()),
    }
    if db.is_sqlite:
        inserted, has_read = _insert_on_sqlite(message, parameters)
    else:
        inserted = db.execute(_number_and_insert_statement(), **parameters).first()
        has_read = inserted is not None and inserted.has_read
    if inserted is None or (message.client_id is not None and _is_deleted(message)):
        raise InsertConflictError
    if not has_read:
        raise ApiError(errors.NOT_IN_CONVERSATION)
    return InsertedMessage(inserted.id, inserted.seq, inserted.version, inserted.created_at)


def _insert_on_sqlite(message: NewMessage, parameters: dict[str, Any]) -> tuple[Any, bool]:
    """Return the inserted row or None, and whether the sender is a member."""
    number = db.execute(_NEXT_SEQ, **parameters).first()
    if number is None:
        return None, False
    numbered = _as_parameters(number._asdict())
    inserted = db.execute(_insert_numbered_statement(), **parameters, **numbered).first()
    if inserted is None:
        return None, False
    return inserted, advance_read_position(message.conversation_id, message.sender_id, inserted.seq)


def _as_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Prefix parameter names: they must differ from the names of columns."""
    return {f"new_{name}": value for name, value in values.items()}


_NOW = bindparam("now", type_=UtcDateTime)
_NEXT_SEQ = (
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


@cache
def _insert_numbered_statement() -> Any:
    names = (*NewMessage._fields, "seq", "version", "created_at")
    return _insert_statement().values({name: bindparam(f"new_{name}") for name in names})


@cache
def _number_and_insert_statement() -> Any:
    number = _NEXT_SEQ.cte("numbered")
    parameters = [
        bindparam(f"new_{name}", type_=Message.__table__.c[name].type)
        for name in NewMessage._fields
    ]
    names = [*NewMessage._fields, *number.c.keys()]
    rows = select(*parameters, *number.c)
    inserted = _insert_statement().from_select(names, rows).cte("inserted")
    advanced = advance_statement(inserted.c.seq).returning(Membership.user_id).cte("advanced")
    return select(*inserted.c, exists(select(advanced.c.user_id)).label("has_read"))


def _insert_statement() -> Any:
    return (
        db.insert(Message)
        .on_conflict_do_nothing(index_elements=["sender_id", "client_id"])
        .returning(Message.id, Message.seq, Message.version, Message.created_at)
    )


def _is_deleted(message: NewMessage) -> bool:
    """Whether another message with this client id was sent and deleted before the lock."""
    deleted = select(Deletion.message_id).where(
        Deletion.sender_id == message.sender_id, Deletion.client_id == message.client_id
    )
    return db.session.scalar(deleted) is not None
