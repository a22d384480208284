"""Erasure of all data of a user whose account was erased."""

from sqlalchemy import delete, or_, select, update

from chat_service.db import db, transaction
from chat_service.domain import deletion, groups, live_events
from chat_service.domain.audit import audit
from chat_service.models import (
    Announcement,
    Conversation,
    Deletion,
    Erasure,
    HiddenMessage,
    Invitation,
    Membership,
    Message,
)
from shared.data.erasure import Erasures


def erase(account_id: int) -> None:
    """Remove all memberships of a user, and delete the user's messages for all members."""
    _remove_memberships(account_id)  # First: without memberships no message can be added.
    for conversation_id in _conversations_with_messages_by(account_id):
        while deletion.delete_batch_by_sender(account_id, conversation_id):
            pass
    _delete_remaining(account_id)


def _remove_memberships(account_id: int) -> None:
    for conversation_id in _list_groups(account_id):
        groups.remove_erased_member(conversation_id, account_id)
    private = or_(Conversation.low_id == account_id, Conversation.high_id == account_id)
    with transaction():
        db.session.execute(update(Conversation).where(private).values(is_open=False))
        db.session.execute(
            delete(Membership).where(
                Membership.conversation_id.in_(select(Conversation.id).where(private))
            )
        )


def _list_groups(account_id: int) -> list[int]:
    group_ids = db.session.scalars(
        select(Membership.conversation_id)
        .join(Conversation, Conversation.id == Membership.conversation_id)
        .where(Membership.user_id == account_id, Conversation.is_group)
        .order_by(Membership.conversation_id)
    )
    return list(group_ids)


def _conversations_with_messages_by(account_id: int) -> list[int]:
    conversation_ids = db.session.scalars(
        select(Message.conversation_id)
        .where(Message.sender_id == account_id)
        .distinct()
        .order_by(Message.conversation_id)
    )
    return list(conversation_ids)


def _delete_remaining(account_id: int) -> None:
    with transaction():
        db.session.execute(
            update(Deletion)
            .where(Deletion.sender_id == account_id, Deletion.client_id.is_not(None))
            .values(client_id=None)
        )
        db.session.execute(delete(HiddenMessage).where(HiddenMessage.user_id == account_id))
        audit.erase(account_id)
        announcement_groups = db.session.scalars(
            delete(Announcement)
            .where(Announcement.sender_id == account_id)
            .returning(Announcement.conversation_id)
        ).all()
        invitation_groups = db.session.scalars(
            delete(Invitation)
            .where(or_(Invitation.sender_id == account_id, Invitation.receiver_id == account_id))
            .returning(Invitation.conversation_id)
        ).all()
        for conversation_id in sorted(set(announcement_groups)):
            live_events.announcements_changed(conversation_id)
        for conversation_id in sorted(set(invitation_groups)):
            live_events.invitations_changed(conversation_id)


erasures = Erasures(db, Erasure, erase)
