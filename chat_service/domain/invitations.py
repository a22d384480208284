"""Invitations: members wish that their friends join a group, its owner and admins decide."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import case, insert, select, update

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events
from chat_service.domain.access import filter_friends, get_access, lock_conversation
from chat_service.domain.accounts import Person, accounts, get_people
from chat_service.models import (
    ACCEPTED,
    MEMBER,
    PENDING,
    REJECTED,
    SUPERSEDED,
    Invitation,
    Membership,
)
from shared.web.errors import ApiError


def invite(conversation_id: int, sender_id: int, receiver_ids: Collection[int]) -> list[int]:
    """Ask the owner and the admins to let friends of ``sender_id`` in: all or none.

    Args:
        conversation_id: the group.
        sender_id: any of its members.
        receiver_ids: who shall join, without repeats.

    Returns:
        the invitations' ids, in the order of ``receiver_ids``.
    """
    active = {
        account.id for account in accounts.get_many(receiver_ids).values() if not account.deleted
    }
    with transaction():
        group = lock_conversation(
            conversation_id, (sender_id, *receiver_ids), errors.CONVERSATION_NOT_FOUND
        )
        if not group.is_group or sender_id not in group.roles:
            raise ApiError(errors.CONVERSATION_NOT_FOUND)
        if not group.roles.keys().isdisjoint(receiver_ids):
            raise ApiError(errors.ALREADY_MEMBER)
        if not filter_friends(sender_id, receiver_ids) & active >= set(receiver_ids):
            raise ApiError(errors.NOT_YOUR_FRIEND)
        ids = _insert_invitations(conversation_id, sender_id, receiver_ids)
        if len(ids) < len(receiver_ids):
            raise ApiError(errors.INVITATION_WAITING)
        live_events.invitations_changed(conversation_id)
    return [ids[receiver_id] for receiver_id in receiver_ids]


def _insert_invitations(
    conversation_id: int, sender_id: int, receiver_ids: Collection[int]
) -> dict[int, int]:
    """The ids of the new invitations, by receiver; one that waits already is left out."""
    now = datetime.now(UTC)
    added = db.session.execute(
        db.insert(Invitation)
        .on_conflict_do_nothing()
        .returning(Invitation.receiver_id, Invitation.id),
        [
            {
                "conversation_id": conversation_id,
                "sender_id": sender_id,
                "receiver_id": receiver_id,
                "status": PENDING,
                "created_at": now,
            }
            for receiver_id in receiver_ids
        ],
    )
    return {row.receiver_id: row.id for row in added}


class SentInvitation(NamedTuple):
    """An invitation, who sent it, and whom it invites."""

    id: int
    conversation_id: int
    sender: Person
    receiver: Person
    status: int
    created_at: datetime


def list_invitations(conversation_id: int, user_id: int) -> list[SentInvitation]:
    """The invitations to a group for one of its members, newest first.

    Args:
        conversation_id: the group.
        user_id: any of its members.
    """
    if not get_access(conversation_id, user_id, errors.CONVERSATION_NOT_FOUND).is_member:
        raise ApiError(errors.CONVERSATION_NOT_FOUND)
    rows = db.session.execute(
        select(
            Invitation.id,
            Invitation.sender_id,
            Invitation.receiver_id,
            Invitation.status,
            Invitation.created_at,
        )
        .where(Invitation.conversation_id == conversation_id)
        .order_by(Invitation.id.desc())
    ).all()
    people = get_people(
        {person_id for row in rows for person_id in (row.sender_id, row.receiver_id)}
    )
    return [
        SentInvitation(
            id=row.id,
            conversation_id=conversation_id,
            sender=people[row.sender_id],
            receiver=people[row.receiver_id],
            status=row.status,
            created_at=row.created_at,
        )
        for row in rows
    ]


def accept(invitation_id: int, user_id: int, conversation_id: int | None) -> None:
    """Let the invited person in; their other waiting invitations to the group are settled too.

    A person whose account has been deleted since cannot come in until it is restored: until
    then there is no such invitation.

    Args:
        invitation_id: the invitation.
        user_id: the owner or an admin of its group.
        conversation_id: the group that the caller takes it for, if they say so.
    """
    receiver_id = db.session.execute(
        select(Invitation.receiver_id).where(Invitation.id == invitation_id)
    ).scalar()
    receiver_is_active = receiver_id is not None and accounts.is_active(receiver_id)
    with transaction():
        pending = _lock_pending(invitation_id, user_id, conversation_id)
        if not receiver_is_active:
            raise ApiError(errors.INVITATION_NOT_FOUND)
        db.session.execute(
            insert(Membership).values(
                conversation_id=pending.conversation_id,
                user_id=pending.receiver_id,
                role=MEMBER,
                unread_seq=pending.last_seq,
                joined_at=datetime.now(UTC),
            )
        )
        db.session.execute(
            update(Invitation)
            .where(
                Invitation.conversation_id == pending.conversation_id,
                Invitation.receiver_id == pending.receiver_id,
                Invitation.status == PENDING,
            )
            .values(status=case((Invitation.id == invitation_id, ACCEPTED), else_=SUPERSEDED))
        )
        live_events.members_changed(pending.conversation_id, joined=(pending.receiver_id,))
        live_events.invitations_changed(pending.conversation_id)


def reject(invitation_id: int, user_id: int, conversation_id: int | None) -> None:
    """Decline an invitation; the arguments are those of `accept`."""
    with transaction():
        pending = _lock_pending(invitation_id, user_id, conversation_id)
        db.session.execute(
            update(Invitation).where(Invitation.id == invitation_id).values(status=REJECTED)
        )
        live_events.invitations_changed(pending.conversation_id)


class _PendingInvitation(NamedTuple):
    conversation_id: int
    receiver_id: int
    last_seq: int


def _lock_pending(
    invitation_id: int, user_id: int, conversation_id: int | None
) -> _PendingInvitation:
    """Lock the group of an invitation that still waits for ``user_id``'s decision."""
    row = db.session.execute(
        select(Invitation.conversation_id, Invitation.receiver_id).where(
            Invitation.id == invitation_id
        )
    ).first()
    if row is None or conversation_id not in (None, row.conversation_id):
        raise ApiError(errors.INVITATION_NOT_FOUND)
    group = lock_conversation(
        row.conversation_id, (user_id, row.receiver_id), errors.INVITATION_NOT_FOUND
    )
    if not group.is_admin(user_id):
        raise ApiError(errors.MAY_NOT_HANDLE)
    status = db.session.execute(
        select(Invitation.status).where(Invitation.id == invitation_id)
    ).scalar_one()  # As it is under the lock.
    if status != PENDING:
        raise ApiError(errors.INVITATION_HANDLED)
    if row.receiver_id in group.roles:
        raise ApiError(errors.INVITED_ALREADY_MEMBER)
    return _PendingInvitation(row.conversation_id, row.receiver_id, group.last_seq)
