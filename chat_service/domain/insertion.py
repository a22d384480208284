"""Insert a message with the next number of its conversation, and mark it read by its sender."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import CTE, bindparam, case, select, true, update
from sqlalchemy.orm import aliased

from chat_service.db import db
from chat_service.domain.accounts import accounts
from chat_service.domain.messages import is_visible_to
from chat_service.domain.read_state import advance_read_position
from chat_service.models import Conversation, Deletion, Membership, Message
from shared.data.columns import BigId, UtcDateTime


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


def insertion_parameters(message: NewMessage) -> dict[str, Any]:
    """Get the parameters of the statements of this module."""
    return {
        "conversation": message.conversation_id,
        "user": message.sender_id,
        "now": datetime.now(UTC),
        **_as_parameters(message._asdict()),
        **accounts.acceptance_parameters(),
    }


def insert_message(message: NewMessage) -> InsertedMessage:
    """Insert a message, and advance the read position of its sender, in a transaction.

    Raises:
        InsertConflictError: the transaction must be rolled back.
    """
    parameters = insertion_parameters(message)
    if db.is_sqlite:
        inserted = _insert_on_sqlite(message, parameters)
    else:
        db.execute(_LOCK, **parameters)
        row = db.execute(insertion_statement(), **parameters).first()
        inserted = None if row is None else parse_insertion(row)
    if inserted is None:
        raise InsertConflictError
    return inserted


def parse_insertion(row: Any) -> InsertedMessage | None:
    """Get the inserted message from a row of `insertion_statement`; None if there is none."""
    if row.new_id is None:
        return None
    return InsertedMessage(row.new_id, row.new_seq, row.new_version, row.new_created_at)


def _insert_on_sqlite(message: NewMessage, parameters: dict[str, Any]) -> InsertedMessage | None:
    """Return the inserted message, or None if the transaction must be rolled back."""
    number = db.execute(_NEXT_SEQ, **parameters).first()
    if number is None or (
        message.client_id is not None and db.execute(_DELETED, **parameters).first() is not None
    ):
        return None
    numbered = _as_parameters(number._asdict())
    row = db.execute(_insert_numbered_statement(), **parameters, **numbered).first()
    if row is None or not advance_read_position(
        message.conversation_id, message.sender_id, row.seq
    ):
        return None
    return InsertedMessage(row.id, row.seq, row.version, row.created_at)


def _as_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Prefix parameter names: they must differ from the names of columns."""
    return {f"new_{name}": value for name, value in values.items()}


_NOW = bindparam("now", type_=UtcDateTime)
_USER = bindparam("user", type_=BigId)
_IS_TARGET = (Conversation.id == bindparam("conversation")) & Conversation.is_open
_NEXT: dict[str, Any] = {
    "last_seq": Conversation.last_seq + 1,
    "version": Conversation.version + 1,
    "last_message_at": case(
        (Conversation.last_message_at > _NOW, Conversation.last_message_at), else_=_NOW
    ),
}
_CLIENT_ID = bindparam("new_client_id", type_=Message.__table__.c.client_id.type)
_REPLY_TO_ID = bindparam("new_reply_to_id", type_=BigId)
_DELETED = select(Deletion.message_id).where(
    Deletion.sender_id == _USER, Deletion.client_id == _CLIENT_ID
)
_own, _Reply = aliased(Membership, name="own"), aliased(Message, name="reply")
_account = accounts.caller.c
SENDER = accounts.with_caller(
    select(
        Conversation.is_group,
        Conversation.version,
        _own.read_seq,
        _account.name,
        _account.avatar_digest,
        _account.avatar_reference,
        _Reply.id.label("reply_id"),
        _Reply.type.label("reply_type"),
        _Reply.content.label("reply_content"),
    )
    .outerjoin(_own, (_own.conversation_id == Conversation.id) & (_own.user_id == _USER))
    .outerjoin(
        _Reply,
        (_Reply.id == _REPLY_TO_ID)
        & (_Reply.conversation_id == Conversation.id)
        & is_visible_to(_USER, _Reply),
    )
    .where(_IS_TARGET)
)
"""Selects the sender's account and membership, and the message that is replied to.

It has no row if the conversation is not open, and no ``read_seq`` if the sender is not in it.
"""
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
    return _insert_returning().values({name: bindparam(f"new_{name}") for name in names})


@cache
def insertion_statement() -> Any:
    """Build the statement for PostgreSQL that selects the row of `SENDER` and inserts the message.

    It locks the conversation, then the membership, then inserts. Or it inserts nothing, because the
    account's state does not accept the token, the user is not a member, the reply target does not
    exist, or the client id is used; or because the conversation has changed since the statement
    began, and with it perhaps an earlier message with the client id.

    PostgreSQL reads locked rows after the lock, and other rows as of the start of the statement.
    """
    sender = SENDER.cte("sender")
    parameters = {
        name: bindparam(f"new_{name}", type_=Message.__table__.c[name].type)
        for name in NewMessage._fields
    }
    member = _lock_member(sender)
    names = [*parameters, *member.c.keys()]
    inserted = (
        _insert_returning()
        .from_select(names, select(*parameters.values(), *member.c))
        .cte("inserted")
    )
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
    # No position is beyond the last number, so it need not be compared with the new one.
    read = (
        update(Membership)
        .where(
            Membership.conversation_id == inserted.c.conversation_id, Membership.user_id == _USER
        )
        .values(unread_seq=inserted.c.seq, read_seq=inserted.c.seq, unread_extra=0)
        .cte("read")
    )
    new = (inserted.c[name].label(f"new_{name}") for name in InsertedMessage._fields)
    return (
        select(*sender.c, *new)
        .select_from(sender.outerjoin(inserted, true()))
        .add_cte(numbered, read)
    )


def _lock_member(sender: CTE) -> CTE:
    conversation = (
        select(Conversation.id, *(value.label(name) for name, value in _NEXT.items()))
        .join(sender, sender.c.read_seq.is_not(None))
        .where(
            _IS_TARGET,
            accounts.is_accepted(sender.c),
            _REPLY_TO_ID.is_(None) | sender.c.reply_id.is_not(None),
            _CLIENT_ID.is_(None)
            | ((Conversation.version == sender.c.version) & ~_DELETED.exists()),
        )
        .with_for_update(key_share=True, of=Conversation)
        .cte("locked_conversation")
    )
    return (
        select(
            conversation.c.last_seq.label("seq"),
            conversation.c.version,
            conversation.c.last_message_at.label("created_at"),
        )
        .join(Membership, Membership.conversation_id == conversation.c.id)
        .where(Membership.user_id == _USER)
        .with_for_update(key_share=True, of=Membership)
        .cte("locked_member")
    )


def _insert_returning() -> Any:
    return (
        db.insert(Message)
        .on_conflict_do_nothing(index_elements=["sender_id", "client_id"])
        .returning(
            Message.id, Message.conversation_id, Message.seq, Message.version, Message.created_at
        )
    )
