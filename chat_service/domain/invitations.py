"""Invitations: a member invites friends to a group, and the owner or an admin decides."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import case, insert, select, update

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events
from chat_service.domain.access import filter_friends, lock_conversation
from chat_service.domain.accounts import Person, accounts, get_people
from chat_service.domain.group_lists import list_of_group, select_of_group
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
from shared.web.streaming import Blocks


def invite(conversation_id: int, sender_id: int, receiver_ids: Collection[int]) -> list[int]:
    """Invite friends to a group: all of them, or none if one is refused.

    Args:
        conversation_id: the group.
        sender_id: a member of it.
        receiver_ids: friends of the sender, without repeats.

    Returns:
        the ids of the invitations, in the order of ``receiver_ids``.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``ALREADY_MEMBER``, ``NOT_YOUR_FRIEND``,
            ``INVITATION_WAITING``.
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
    """Insert invitations that are not pending already, and return their ids by receiver."""
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
    """An invitation, with the profiles of its sender and receiver."""

    id: int
    conversation_id: int
    sender: Person
    receiver: Person
    status: int
    created_at: datetime


_INVITATIONS = select_of_group(
    Invitation,
    Invitation.conversation_id,
    Invitation.sender_id,
    Invitation.receiver_id,
    Invitation.status,
    Invitation.created_at,
)


def list_invitations(
    conversation_id: int, user_id: int
) -> list[SentInvitation] | Blocks[list[SentInvitation]]:
    """List the invitations to a group, newest first.

    Args:
        conversation_id: the group.
        user_id: a member of it.

    Returns:
        one block, or a stream of blocks if the list is long.

    Raises:
        ApiError: see `list_of_group`.
    """
    return list_of_group(conversation_id, user_id, _INVITATIONS, _make_block)


def _make_block(rows: Sequence[Any]) -> list[SentInvitation]:
    people = get_people(
        {person_id for row in rows for person_id in (row.sender_id, row.receiver_id)}
    )
    return [
        SentInvitation(
            id=row.id,
            conversation_id=row.conversation_id,
            sender=people[row.sender_id],
            receiver=people[row.receiver_id],
            status=row.status,
            created_at=row.created_at,
        )
        for row in rows
    ]


def accept(invitation_id: int, user_id: int, conversation_id: int | None) -> None:
    """Accept an invitation, and supersede the receiver's other invitations to the group.

    Args:
        invitation_id: the invitation.
        user_id: the owner or an admin of its group.
        conversation_id: its group, if the client sent one.

    Raises:
        ApiError: ``INVITATION_NOT_FOUND`` (also if the receiver's account is deleted),
            ``MAY_NOT_HANDLE``, ``INVITATION_HANDLED``, ``INVITED_ALREADY_MEMBER``.
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
    """Reject an invitation. Parameters and errors are those of `accept`."""
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
    """Lock the group of a pending invitation that ``user_id`` may handle."""
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
    ).scalar_one()  # Read under the lock.
    if status != PENDING:
        raise ApiError(errors.INVITATION_HANDLED)
    if row.receiver_id in group.roles:
        raise ApiError(errors.INVITED_ALREADY_MEMBER)
    return _PendingInvitation(row.conversation_id, row.receiver_id, group.last_seq)
