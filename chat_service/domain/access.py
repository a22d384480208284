"""Who is in which conversation, and as what: the first question of nearly every rule.

A private conversation of people who are no longer friends is closed: it does not exist.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select

from chat_service.db import db
from chat_service.models import ADMIN, OWNER, Conversation, Membership
from shared.web.errors import ApiError, ErrorSpec


class Access(NamedTuple):
    """What the rules ask about one person and one conversation.

    ``role`` is None for a user who is not in it.
    """

    is_group: bool
    role: int | None

    @property
    def is_member(self) -> bool:
        """Whether the person is in the conversation."""
        return self.role is not None

    @property
    def is_owner(self) -> bool:
        """Whether the person owns the group."""
        return self.role == OWNER

    @property
    def is_admin(self) -> bool:
        """Whether the person owns the group or is one of its admins."""
        return self.role in (OWNER, ADMIN)


def get_access(conversation_id: int, user_id: int, not_found: ErrorSpec) -> Access:
    """What ``user_id`` is in a conversation.

    Raises:
        ApiError: ``not_found``, if there is no such conversation, or a closed one.
    """
    row = db.session.execute(
        select(Conversation.is_group, Membership.role)
        .outerjoin(
            Membership,
            (Membership.conversation_id == Conversation.id) & (Membership.user_id == user_id),
        )
        .where(Conversation.id == conversation_id, Conversation.is_open)
    ).first()
    if row is None:
        raise ApiError(not_found)
    return Access(row.is_group, row.role)


class LockedConversation(NamedTuple):
    """A locked conversation: no other transaction changes it or its members until this one ends.

    ``roles`` are of those who were asked about and are in it.
    """

    is_group: bool
    last_seq: int
    avatar_name: str
    roles: dict[int, int]

    def is_owner(self, user_id: int) -> bool:
        """Whether the person owns the group."""
        return self.roles.get(user_id) == OWNER

    def is_admin(self, user_id: int) -> bool:
        """Whether the person owns the group or is one of its admins."""
        return self.roles.get(user_id) in (OWNER, ADMIN)


def lock_conversation(
    conversation_id: int, user_ids: Collection[int], not_found: ErrorSpec
) -> LockedConversation:
    """Lock a conversation for the running transaction, and say who of ``user_ids`` is what in it.

    Raises:
        ApiError: ``not_found``, if there is no such conversation, or a closed one.
    """
    conversation = db.session.execute(
        select(Conversation.is_group, Conversation.last_seq, Conversation.avatar_digest)
        .where(Conversation.id == conversation_id, Conversation.is_open)
        .with_for_update(key_share=True)
    ).first()
    if conversation is None:
        raise ApiError(not_found)
    memberships = db.session.execute(
        select(Membership.user_id, Membership.role).where(
            Membership.conversation_id == conversation_id, Membership.user_id.in_(user_ids)
        )
    )
    return LockedConversation(
        is_group=conversation.is_group,
        last_seq=conversation.last_seq,
        avatar_name=conversation.avatar_digest,
        roles={row.user_id: row.role for row in memberships},
    )


def filter_friends(user_id: int, others: Collection[int]) -> set[int]:
    """Those of ``others`` who are friends of ``user_id``: whose private conversation is open."""
    return set(
        db.session.scalars(
            select(Conversation.high_id)
            .where(
                Conversation.low_id == user_id,
                Conversation.high_id.in_(others),
                Conversation.is_open,
            )
            .union_all(
                select(Conversation.low_id).where(
                    Conversation.high_id == user_id,
                    Conversation.low_id.in_(others),
                    Conversation.is_open,
                )
            )
        )
    )
