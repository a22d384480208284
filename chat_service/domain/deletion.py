"""Deletion of messages for all members, and hiding of messages for one user."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, insert, select, update

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events, media
from chat_service.domain.access import lock_conversation
from chat_service.domain.indexing import remove_from_index
from chat_service.models import (
    IMAGE,
    TEXT,
    Conversation,
    Deletion,
    HiddenMessage,
    Membership,
    Message,
)
from shared.web.errors import ApiError

_BATCH_SIZE = 100


def delete_message(message_id: int, user_id: int) -> None:
    """Delete a message for all members, as its sender or as the owner or an admin of its group.

    Raises:
        ApiError: ``MESSAGE_NOT_FOUND_ZH``, ``MAY_NOT_DELETE``.
    """
    conversation_id = db.session.scalar(
        select(Message.conversation_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.id == message_id, Conversation.is_open)
    )
    if conversation_id is None:
        raise ApiError(errors.MESSAGE_NOT_FOUND_ZH)
    with transaction():
        conversation = lock_conversation(conversation_id, (user_id,), errors.MESSAGE_NOT_FOUND_ZH)
        message = db.session.get(Message, message_id)
        if message is None:
            raise ApiError(errors.MESSAGE_NOT_FOUND_ZH)
        is_own = message.sender_id == user_id and user_id in conversation.roles
        if not is_own and not conversation.is_admin(user_id):
            raise ApiError(errors.MAY_NOT_DELETE)
        _delete_messages(conversation_id, [message_id])
        live_events.message_deleted(conversation_id, user_id, message_id)


def delete_batch_by_sender(sender_id: int, conversation_id: int) -> bool:
    """Delete up to `_BATCH_SIZE` messages of an erased user, also in a closed conversation.

    Returns:
        whether there were any.
    """
    messages = db.session.execute(
        select(Message.id, Message.type, Message.content)
        .where(Message.conversation_id == conversation_id, Message.sender_id == sender_id)
        .order_by(Message.id)
        .limit(_BATCH_SIZE)
    ).all()
    db.release()
    for row in messages:
        if row.type == IMAGE:  # Before its row, without which a repeated erasure misses the file.
            media.delete_image(row.content)
    if messages:
        with transaction():
            lock = select(Conversation.id).where(Conversation.id == conversation_id)
            if db.session.scalar(lock.with_for_update(key_share=True)) is None:
                return False  # The group was dissolved, and has been deleted.
            _delete_messages(conversation_id, [row.id for row in messages])
            live_events.message_deleted(conversation_id, sender_id, messages[-1].id)
    return bool(messages)


def _delete_messages(conversation_id: int, message_ids: Collection[int]) -> None:
    """Replace messages of a locked conversation by `Deletion` rows."""
    messages = sorted(
        db.session.execute(
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
        ),
        key=lambda row: row.seq,
    )
    version = db.session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(version=Conversation.version + len(messages))
        .returning(Conversation.version)
    ).scalar_one()
    if not messages:
        return
    _insert_deletions(conversation_id, messages, version - len(messages) + 1)
    texts = {row.id: row.content for row in messages if row.type == TEXT}
    remove_from_index(conversation_id, texts)
    media.delete_after_commit([row.content for row in messages if row.type == IMAGE])


def _insert_deletions(conversation_id: int, messages: Collection[Any], first_version: int) -> None:
    db.session.execute(
        insert(Deletion),
        [
            {
                "message_id": row.id,
                "conversation_id": conversation_id,
                "seq": row.seq,
                "version": first_version + number,
                "sender_id": row.sender_id,
                "client_id": row.client_id,
                "created_at": row.created_at,
            }
            for number, row in enumerate(messages)
        ],
    )


def hide_messages(message_ids: Collection[int], user_id: int) -> None:
    """Hide messages for one user: all of them, or none if one is not found.

    Raises:
        ApiError: ``MESSAGE_NOT_FOUND``.
    """
    with transaction():
        # The lock prevents a concurrent deletion for all members.
        rows = db.session.execute(
            select(Message.id, Message.conversation_id, Message.seq)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .join(
                Membership,
                (Membership.conversation_id == Message.conversation_id)
                & (Membership.user_id == user_id),
            )
            .where(Message.id.in_(message_ids), Conversation.is_open)
            .order_by(Message.id)
            .with_for_update(read=True, key_share=True, of=Message)
        ).all()
        if len(rows) < len(set(message_ids)):
            raise ApiError(errors.MESSAGE_NOT_FOUND)
        db.session.execute(
            db.insert(HiddenMessage).on_conflict_do_nothing(),
            [
                {
                    "user_id": user_id,
                    "message_id": row.id,
                    "conversation_id": row.conversation_id,
                    "seq": row.seq,
                }
                for row in rows
            ],
        )
