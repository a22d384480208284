"""Insert a message with the next number of its conversation, and mark it read by its sender."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import CTE, bindparam, case, select, update

from chat_service.db import db, transaction
from chat_service.domain.read_state import advance_read_position, advance_statement
from chat_service.models import Conversation, Deletion, Membership, Message
from shared.data.columns import UtcDateTime


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
    """The message is not stored: the conversation was closed or dissolved, the sender has left it,
    or a concurrent request used the client id.
    """


def insertion_block(message: NewMessage) -> AbstractContextManager[None]:
    """Return the block that commits `insert_message`.

    On PostgreSQL a single statement inserts and commits, so that no round trip extends the lock
    of a busy conversation. A message with a client id needs a transaction: another message with
    this id may be deleted while a statement waits for the lock, and only a later one sees that.
    """
    is_one_statement = not db.is_sqlite and message.client_id is None
    return db.autocommit() if is_one_statement else transaction()


def insert_message(message: NewMessage) -> InsertedMessage:
    """Insert a message, and advance the read position of its sender.

    Raises:
        InsertConflictError: nothing is stored; a transaction must be rolled back.
    """
    parameters: dict[str, Any] = {
        "conversation": message.conversation_id,
        "user": message.sender_id,
        "now": datetime.now(UTC),
        **_as_parameters(message._asdict()),
    }
    if db.is_sqlite:
        inserted = _insert_on_sqlite(message, parameters)
    else:
        if message.client_id is not None:
            db.execute(_LOCK, **parameters)
        inserted = db.execute(_insert_statement_on_postgres(), **parameters).first()
    if inserted is None:
        raise InsertConflictError
    return InsertedMessage(inserted.id, inserted.seq, inserted.version, inserted.created_at)


def _insert_on_sqlite(message: NewMessage, parameters: dict[str, Any]) -> Any:
    """Return the inserted row, or None if the transaction must be rolled back."""
    number = db.execute(_NEXT_SEQ, **parameters).first()
    if number is None or (
        message.client_id is not None and db.execute(_DELETED, **parameters).first() is not None
    ):
        return None
    numbered = _as_parameters(number._asdict())
    inserted = db.execute(_insert_numbered_statement(), **parameters, **numbered).first()
    is_member = inserted is not None and advance_read_position(
        message.conversation_id, message.sender_id, inserted.seq
    )
    return inserted if is_member else None


def _as_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Prefix parameter names: they must differ from the names of columns."""
    return {f"new_{name}": value for name, value in values.items()}


_NOW = bindparam("now", type_=UtcDateTime)
_IS_TARGET = (Conversation.id == bindparam("conversation")) & Conversation.is_open
_NEXT: dict[str, Any] = {
    "last_seq": Conversation.last_seq + 1,
    "version": Conversation.version + 1,
    "last_message_at": case(
        (Conversation.last_message_at > _NOW, Conversation.last_message_at), else_=_NOW
    ),
}
_CLIENT_ID = bindparam("new_client_id", type_=Message.__table__.c.client_id.type)
_DELETED = select(Deletion.message_id).where(
    Deletion.sender_id == bindparam("user"), Deletion.client_id == _CLIENT_ID
)
_LOCK = select(Conversation.id).where(_IS_TARGET).with_for_update(key_share=True)
_NEXT_SEQ = (
    update(Conversation)
    .where(_IS_TARGET)
    .values(_NEXT)
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
def _insert_statement_on_postgres() -> Any:
    """Lock the conversation, then the membership, then insert; or do nothing.

    PostgreSQL reads locked rows after the lock, and other rows as of the start of the statement.
    """
    parameters = {
        name: bindparam(f"new_{name}", type_=Message.__table__.c[name].type)
        for name in NewMessage._fields
    }
    member = _lock_member()
    new = select(*parameters.values(), *member.c).where(~_DELETED.exists())
    names = [*parameters, *member.c.keys()]
    inserted = _insert_statement().from_select(names, new).cte("inserted")
    numbered = (
        update(Conversation)
        .where(Conversation.id == inserted.c.conversation_id)
        .values(
            last_seq=inserted.c.seq,
            version=inserted.c.version,
            last_message_at=inserted.c.created_at,
        )
        .cte("numbered")
    )
    read = advance_statement(inserted.c.seq).cte("read")
    return select(inserted).add_cte(numbered, read)


def _lock_member() -> CTE:
    conversation = (
        select(Conversation.id, *(value.label(name) for name, value in _NEXT.items()))
        .where(_IS_TARGET)
        .with_for_update(key_share=True)
        .cte("locked_conversation")
    )
    return (
        select(
            conversation.c.last_seq.label("seq"),
            conversation.c.version,
            conversation.c.last_message_at.label("created_at"),
        )
        .join(Membership, Membership.conversation_id == conversation.c.id)
        .where(Membership.user_id == bindparam("user"))
        .with_for_update(key_share=True, of=Membership)
        .cte("locked_member")
    )


def _insert_statement() -> Any:
    return (
        db.insert(Message)
        .on_conflict_do_nothing(index_elements=["sender_id", "client_id"])
        .returning(
            Message.id, Message.conversation_id, Message.seq, Message.version, Message.created_at
        )
    )
