"""Messages: reading them, finding them, and taking them away again."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import aliased

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import images, notices
from chat_service.domain.access import lock_conversation
from chat_service.domain.accounts import Person, people
from chat_service.domain.indexing import remove_from_index
from chat_service.domain.pictures import media_url
from chat_service.models import (
    IMAGE,
    TEXT,
    Conversation,
    Deletion,
    HiddenMessage,
    Membership,
    Message,
)
from shared.data.columns import BigId
from shared.web.errors import ApiError

_AT_ONCE = 100
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


def mark_as_read(
    messages: Iterable[dict[str, Any]], user_id: int, own_read_seq: int, friend_read_seq: int
) -> None:
    """Add ``already_read`` to messages of a private conversation.

    Args:
        messages: as `shown`.
        user_id: one of the pair.
        own_read_seq: how far this one has read.
        friend_read_seq: how far the other one has read.
    """
    for message in messages:
        read_seq = friend_read_seq if message["senderid"] == user_id else own_read_seq
        message["already_read"] = message["seq"] <= read_seq


def readers_of(message_id: int, user_id: int, base: str) -> list[dict[str, Any]]:
    """Who has read a message, beside its sender.

    Args:
        message_id: a message that ``user_id`` sees.
        user_id: somebody in its conversation.
        base: the public base of the request.
    """
    message = db.session.execute(
        select(
            Message.conversation_id,
            Message.seq,
            Message.sender_id,
            Membership.role,
            visible_to(user_id).label("is_visible"),
        )
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(Membership, _membership_of(user_id))
        .where(Message.id == message_id, Conversation.is_open)
    ).first()
    if message is None or not message.is_visible:
        raise ApiError(errors.MESSAGE_NOT_FOUND_ZH)
    if message.role is None:
        raise ApiError(errors.NO_ACCESS_BAD_REQUEST)
    reader_ids = db.session.scalars(
        select(Membership.user_id)
        .where(
            Membership.conversation_id == message.conversation_id,
            Membership.read_seq >= message.seq,
            Membership.user_id != message.sender_id,
        )
        .order_by(Membership.user_id)
    ).all()
    readers = people(reader_ids, base)
    return [
        {"id": reader_id, "name": readers[reader_id].name, "avatar": readers[reader_id].avatar}
        for reader_id in reader_ids
    ]


def delete_for_everybody(message_id: int, user_id: int) -> None:
    """Delete a message: its sender may, and the owner and the admins of its group."""
    conversation_id = db.session.scalar(
        select(Message.conversation_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.id == message_id, Conversation.is_open)
    )
    if conversation_id is None:
        raise ApiError(errors.MESSAGE_NOT_FOUND_ZH)
    with transaction() as session:
        conversation = lock_conversation(conversation_id, (user_id,), errors.MESSAGE_NOT_FOUND_ZH)
        message = session.get(Message, message_id)
        if message is None:
            raise ApiError(errors.MESSAGE_NOT_FOUND_ZH)
        is_own = message.sender_id == user_id and user_id in conversation.roles
        if not is_own and not conversation.is_admin(user_id):
            raise ApiError(errors.MAY_NOT_DELETE)
        _take_away(session, conversation_id, [message_id])
        notices.message_deleted(conversation_id, user_id, message_id)


def delete_some_of(sender_id: int, conversation_id: int) -> bool:
    """Delete a hundred messages of somebody who sends no more, for everybody; also in a closed one.

    Returns:
        whether there were any.
    """
    some = db.session.execute(
        select(Message.id, Message.type, Message.content)
        .where(Message.conversation_id == conversation_id, Message.sender_id == sender_id)
        .order_by(Message.id)
        .limit(_AT_ONCE)
    ).all()
    db.release()
    for _, kind, content in some:
        if kind == IMAGE:  # Before its row, which is what says that there is a file to delete.
            images.forget(content)
    if some:
        with transaction() as session:
            session.execute(
                select(Conversation.id)
                .where(Conversation.id == conversation_id)
                .with_for_update(key_share=True)
            )
            _take_away(session, conversation_id, [message_id for message_id, _, _ in some])
            notices.message_deleted(conversation_id, sender_id, some[-1].id)
    return bool(some)


def _take_away(session: Any, conversation_id: int, message_ids: Collection[int]) -> None:
    """Put a `Deletion` in the place of each of these messages; their conversation is locked."""
    gone = sorted(
        session.execute(
            delete(Message)
            .where(Message.id.in_(message_ids))
            .returning(
                Message.seq,
                Message.id,
                Message.sender_id,
                Message.client_id,
                Message.created_at,
                Message.type,
                Message.content,
            )
        )
    )
    version = session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(version=Conversation.version + len(gone))
        .returning(Conversation.version)
    ).scalar_one()
    if not gone:
        return
    session.execute(
        insert(Deletion),
        [
            {
                "message_id": message_id,
                "conversation_id": conversation_id,
                "seq": seq,
                "version": version - len(gone) + number,
                "sender_id": sender_id,
                "client_id": client_id,
                "created_at": created_at,
            }
            for number, (seq, message_id, sender_id, client_id, created_at, _, _) in enumerate(
                gone, start=1
            )
        ],
    )
    remove_from_index(
        session, [(conversation_id, row.id, row.content) for row in gone if row.type == TEXT]
    )
    images.forget_after_commit([row.content for row in gone if row.type == IMAGE])


def hide_messages(message_ids: Collection[int], user_id: int) -> None:
    """Delete messages from one's own view only: all of them or none."""
    with transaction() as session:
        # Locked, so that none of them is deleted for everybody before it is hidden.
        rows = session.execute(
            select(Message.id, Message.conversation_id, Message.seq)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .join(Membership, _membership_of(user_id))
            .where(Message.id.in_(message_ids), Conversation.is_open)
            .order_by(Message.id)
            .with_for_update(read=True, key_share=True, of=Message)
        ).all()
        if len(rows) < len(set(message_ids)):
            raise ApiError(errors.MESSAGE_NOT_FOUND)
        session.execute(
            db.insert(HiddenMessage).on_conflict_do_nothing(),
            [
                {
                    "user_id": user_id,
                    "message_id": message_id,
                    "conversation_id": conversation_id,
                    "seq": seq,
                }
                for message_id, conversation_id, seq in rows
            ],
        )


def visible_to(user_id: int | BindParameter[int], message: Any = Message) -> ColumnElement[bool]:
    """Whether somebody has not deleted ``message`` from their own view, in SQL."""
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
    _Reply.id,
    _Reply.type,
    _Reply.content,
).outerjoin(_Reply, (_Reply.id == Message.reply_to_id) & visible_to(_USER, _Reply))
"""The rows of `MessageRow`; ``user`` is a parameter."""


def content_shown(base: str, kind: int, content: str) -> str:
    """The text of a message, or the URL of its image."""
    return media_url(base, content) if kind == IMAGE else content


def _membership_of(user_id: int) -> ColumnElement[bool]:
    return (Membership.conversation_id == Message.conversation_id) & (Membership.user_id == user_id)


def shown(row: Iterable[Any], senders: Mapping[int, Person], base: str) -> dict[str, Any]:
    """A message as lists and live frames show it; in private chats ``already_read`` is added.

    Args:
        row: the fields of a `MessageRow`.
        senders: who sent it, by id.
        base: what its URLs begin with.
    """
    (
        message_id,
        seq,
        version,
        conversation_id,
        kind,
        content,
        sender_id,
        created_at,
        reply_id,
        reply_kind,
        reply_content,
    ) = row
    sender_name, sender_avatar = senders[sender_id]
    message: dict[str, Any] = {
        "id": message_id,
        "seq": seq,
        "version": version,
        "type": kind,
        "content": content_shown(base, kind, content),
        "senderid": sender_id,
        "sendername": sender_name,
        "senderavatar": sender_avatar,
        "conversation": conversation_id,
        "created_time": created_at,
    }
    if reply_kind is not None:
        message["reply_to"] = content_shown(base, reply_kind, reply_content)
        message["reply_to_id"] = reply_id
        message["reply_to_type"] = reply_kind
    return message
