"""Conversations: list, creation of groups, members, and the settings of a member."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import bindparam, case, func, insert, select, update

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events
from chat_service.domain.access import filter_friends, get_access
from chat_service.domain.accounts import Person, accounts, get_people
from chat_service.domain.limits import limits
from chat_service.domain.messages import is_visible_to
from chat_service.domain.read_state import set_unread_count, unread_count
from chat_service.models import MEMBER, OWNER, Account, Conversation, Membership, Message
from shared.data.columns import BigId
from shared.web.errors import ApiError, bad_parameter

_USER = bindparam("user", type_=BigId)
_NEWEST_ID = (
    select(Message.id)
    .where(Message.conversation_id == Conversation.id, is_visible_to(_USER))
    .order_by(Message.version.desc())
    .limit(1)
    .correlate(Conversation)
    .scalar_subquery()
)
FRIEND_ID = case((Conversation.low_id == _USER, Conversation.high_id), else_=Conversation.low_id)
"""The friend in a private conversation of ``user``, in SQL; NULL for groups."""


class ConversationRow(NamedTuple):
    """A conversation in a user's list, with its friend if it is private and its last message."""

    id: int
    name: str
    avatar_digest: str
    avatar_reference: str
    friend_id: int | None
    friend_name: str | None
    friend_avatar_digest: str | None
    friend_avatar_reference: str | None
    is_pinned: bool
    notices_on: bool
    unread_count: int
    last_message_id: int | None
    last_message_type: int | None
    last_message_content: str | None
    last_message_at: datetime | None
    version: int


# As a subquery, the user does not change PostgreSQL's estimates. Otherwise a prepared statement is
# planned each time for a user with a shorter list than the average, which costs more than reading.
_IS_OWN = Membership.user_id == select(_USER).scalar_subquery()
_CONVERSATIONS = (
    select(
        Conversation.id,
        Conversation.name,
        Conversation.avatar_digest,
        Conversation.avatar_reference,
        FRIEND_ID.label("friend_id"),
        Account.name.label("friend_name"),
        Account.avatar_digest.label("friend_avatar_digest"),
        Account.avatar_reference.label("friend_avatar_reference"),
        Membership.is_pinned,
        Membership.notices_on,
        unread_count().label("unread_count"),
        Message.id.label("last_message_id"),
        Message.type.label("last_message_type"),
        Message.content.label("last_message_content"),
        Message.created_at.label("last_message_at"),
        Conversation.version,
    )
    .select_from(Membership)
    .join(Conversation, Conversation.id == Membership.conversation_id)
    .outerjoin(Account, Account.id == FRIEND_ID)
    .outerjoin(Message, Message.id == _NEWEST_ID)
    .where(_IS_OWN, Conversation.is_open)
    .order_by(
        Membership.is_pinned.desc(),
        func.coalesce(Message.created_at, Conversation.created_at).desc(),
        Conversation.id.desc(),
    )
)
"""The columns of `ConversationRow`, in their order."""
_CONVERSATIONS_AND_CALLER = accounts.with_caller(_CONVERSATIONS)
_SOME_CONVERSATIONS = _CONVERSATIONS.where(Conversation.id.in_(bindparam("ids", expanding=True)))


def list_conversations(
    user_id: int, conversation_ids: Collection[int] | None = None
) -> list[ConversationRow]:
    """List a user's conversations: pinned ones first, then by the newest visible message.

    Args:
        user_id: the user.
        conversation_ids: only these conversations; None for all.
    """
    if conversation_ids is None:
        result = accounts.execute_for_caller(_CONVERSATIONS_AND_CALLER, user=user_id)
    else:
        result = db.execute(_SOME_CONVERSATIONS, user=user_id, ids=list(conversation_ids)).all()
    rows = [ConversationRow._make(row[: len(ConversationRow._fields)]) for row in result]
    missing = {row.friend_id for row in rows if row.friend_id and row.friend_name is None}
    if not missing:
        return rows
    friends = get_people(missing)
    return [
        _with_friend(row, friends[row.friend_id]) if row.friend_id in friends else row
        for row in rows
    ]


def _with_friend(row: ConversationRow, friend: Person) -> ConversationRow:
    return row._replace(
        friend_name=friend.name,
        friend_avatar_digest=friend.avatar_digest,
        friend_avatar_reference=friend.avatar_reference,
    )


def create_group(owner_id: int, name: str, member_ids: Collection[int]) -> int:
    """Create a group conversation.

    Args:
        owner_id: the owner.
        name: 1 to 100 characters.
        member_ids: friends of the owner; repeats and the owner are ignored.

    Returns:
        the conversation's id.

    Raises:
        ApiError: ``BAD_PARAMETER``, ``MEMBER_UNKNOWN``, ``NOT_FRIEND``, ``TOO_MANY_REQUESTS``.
    """
    others = set(member_ids) - {owner_id}
    if not others:
        raise bad_parameter("members")
    active = {account.id for account in accounts.get_many(others).values() if not account.deleted}
    if not others <= active:
        raise ApiError(errors.MEMBER_UNKNOWN)
    if not others <= filter_friends(owner_id, others):
        raise ApiError(errors.NOT_FRIEND)
    limits.new_groups.hit(str(owner_id))
    now = datetime.now(UTC)
    with transaction():
        conversation = Conversation(is_group=True, name=name, created_at=now)
        db.session.add(conversation)
        db.session.flush()
        roles = {owner_id: OWNER} | dict.fromkeys(sorted(others), MEMBER)
        _insert_memberships(conversation.id, roles, now)
        live_events.conversation_changed(conversation.id, members=tuple(roles))
    return conversation.id


def _insert_memberships(
    conversation_id: int, roles: Mapping[int, int], joined_at: datetime
) -> None:
    db.session.execute(
        insert(Membership),
        [
            {
                "conversation_id": conversation_id,
                "user_id": user_id,
                "role": role,
                "joined_at": joined_at,
            }
            for user_id, role in roles.items()
        ],
    )


class Member(NamedTuple):
    """A member of a conversation."""

    person: Person
    role: int


class Members(NamedTuple):
    """The members of a group, or the friend of a private conversation; and the caller's role."""

    is_group: bool
    own_role: int
    members: list[Member]


def list_members(conversation_id: int, user_id: int) -> Members:
    """List the members of a group by role and id, or the friend of a private conversation.

    Args:
        conversation_id: the conversation.
        user_id: a member of it.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, also for a user who is not in it.
    """
    access = get_access(conversation_id, user_id, errors.CONVERSATION_NOT_FOUND)
    if access.role is None:
        raise ApiError(errors.CONVERSATION_NOT_FOUND)
    rows = db.session.execute(
        select(Membership.user_id, Membership.role)
        .where(Membership.conversation_id == conversation_id)
        .order_by(Membership.role, Membership.user_id)
    ).all()
    people = get_people([row.user_id for row in rows])
    members = [
        Member(people[row.user_id], row.role)
        for row in rows
        if access.is_group or row.user_id != user_id
    ]
    return Members(access.is_group, access.role, members)


class Settings(NamedTuple):
    """A member's settings of a conversation, and the unread count."""

    unread_count: int
    notices_on: bool
    is_pinned: bool


def get_settings(conversation_id: int, user_id: int) -> Settings:
    """Get a member's settings of a conversation.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND_ZH``, ``NO_ACCESS``.
    """
    row = db.session.execute(
        select(unread_count().label("unread_count"), Membership.notices_on, Membership.is_pinned)
        .select_from(Conversation)
        .outerjoin(
            Membership,
            (Membership.conversation_id == Conversation.id) & (Membership.user_id == user_id),
        )
        .where(Conversation.id == conversation_id, Conversation.is_open)
    ).first()
    if row is None:
        raise ApiError(errors.CONVERSATION_NOT_FOUND_ZH)
    if row.unread_count is None:
        raise ApiError(errors.NO_ACCESS)
    return Settings(row.unread_count, row.notices_on, row.is_pinned)


def update_settings(
    conversation_id: int,
    user_id: int,
    *,
    is_pinned: bool | None = None,
    notices_on: bool | None = None,
    unread: int | None = None,
) -> None:
    """Update a member's settings of a conversation; None leaves a value unchanged.

    Args:
        conversation_id: the conversation.
        user_id: a member of it.
        is_pinned: whether it is listed before the others.
        notices_on: false if the member has muted it.
        unread: the unread count to show until the member reads the conversation.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND_ZH``, ``NO_ACCESS``.
    """
    if not get_access(conversation_id, user_id, errors.CONVERSATION_NOT_FOUND_ZH).is_member:
        raise ApiError(errors.NO_ACCESS)
    settings = {"is_pinned": is_pinned, "notices_on": notices_on}
    changes = {name: value for name, value in settings.items() if value is not None}
    with transaction():
        if unread is not None:
            set_unread_count(conversation_id, user_id, unread)
        if changes:
            db.session.execute(
                update(Membership)
                .where(Membership.conversation_id == conversation_id, Membership.user_id == user_id)
                .values(changes)
            )
            live_events.own_setting_changed(user_id)
