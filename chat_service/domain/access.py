"""Roles of users in conversations, which the rules check first.

A closed private conversation is treated like one that does not exist.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select

from chat_service.db import db
from chat_service.models import ADMIN, OWNER, Conversation, Membership
from shared.web.errors import ApiError, ErrorSpec


class Access(NamedTuple):
    """The role of a user in a conversation; ``role`` is None for a user who is not in it."""

    is_group: bool
    role: int | None

    @property
    def is_member(self) -> bool:
        """Whether the user is in the conversation."""
        return self.role is not None

    @property
    def is_owner(self) -> bool:
        """Whether the user owns the group."""
        return self.role == OWNER

    @property
    def is_admin(self) -> bool:
        """Whether the user is the owner or an admin of the group."""
        return self.role in (OWNER, ADMIN)


def get_access(conversation_id: int, user_id: int, not_found: ErrorSpec) -> Access:
    """Get the role of a user in a conversation.

    Raises:
        ApiError: ``not_found``: the conversation does not exist or is closed.
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
    """A conversation that no other transaction can change before this one ends, nor its members.

    ``roles`` contains those of the requested users who are members.
    """

    is_group: bool
    last_seq: int
    avatar_name: str
    roles: dict[int, int]

    def is_owner(self, user_id: int) -> bool:
        """Whether the user owns the group."""
        return self.roles.get(user_id) == OWNER

    def is_admin(self, user_id: int) -> bool:
        """Whether the user is the owner or an admin of the group."""
        return self.roles.get(user_id) in (OWNER, ADMIN)


def lock_conversation(
    conversation_id: int, user_ids: Collection[int], not_found: ErrorSpec
) -> LockedConversation:
    """Lock a conversation for the running transaction, and read the roles of ``user_ids``.

    Raises:
        ApiError: ``not_found``: the conversation does not exist or is closed.
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
    """Select those of ``others`` whose private conversation with ``user_id`` is open."""
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
