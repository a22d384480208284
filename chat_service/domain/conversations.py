"""Conversations: the list of them, new groups, one's own settings, who is in one."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, case, func, insert, select, update

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import notices
from chat_service.domain.access import access_to, friends_among
from chat_service.domain.accounts import accounts, people, person
from chat_service.domain.limits import limits
from chat_service.domain.messages import content_shown, visible_to
from chat_service.domain.pictures import group_picture_url
from chat_service.domain.reading import set_unread_count, unread_count
from chat_service.models import MEMBER, OWNER, Account, Conversation, Membership, Message
from shared.data.columns import BigId
from shared.web.errors import ApiError, bad_parameter

_USER = bindparam("user", type_=BigId)
_NEWEST_ID = (
    select(Message.id)
    .where(Message.conversation_id == Conversation.id, visible_to(_USER))
    .order_by(Message.version.desc())
    .limit(1)
    .correlate(Conversation)
    .scalar_subquery()
)
FRIEND_ID = case((Conversation.low_id == _USER, Conversation.high_id), else_=Conversation.low_id)
"""The other person of a private conversation of ``user``, in SQL; NULL for groups."""
_CONVERSATIONS = (
    select(
        Conversation.id,
        Conversation.name,
        Conversation.avatar_digest,
        Conversation.avatar_reference,
        FRIEND_ID.label("friend_id"),
        Account.name.label("friend_name"),
        Account.avatar_digest,
        Account.avatar_reference,
        Membership.is_pinned,
        Membership.notices_on,
        unread_count(),
        Message.id,
        Message.type,
        Message.content,
        Message.created_at,
        Conversation.version,
    )
    .select_from(Membership)
    .join(Conversation, Conversation.id == Membership.conversation_id)
    .outerjoin(Account, Account.id == FRIEND_ID)
    .outerjoin(Message, Message.id == _NEWEST_ID)
    .where(Membership.user_id == _USER, Conversation.is_open)
    .order_by(
        Membership.is_pinned.desc(),
        func.coalesce(Message.created_at, Conversation.created_at).desc(),
        Conversation.id.desc(),
    )
)
_SOME_CONVERSATIONS = _CONVERSATIONS.where(Conversation.id.in_(bindparam("ids", expanding=True)))


def conversations_of(
    user_id: int, base: str, conversation_ids: Collection[int] | None = None
) -> list[dict[str, Any]]:
    """Somebody's conversations: pinned ones first, then by the newest message that they see.

    Args:
        user_id: whose list.
        base: the public base of the request.
        conversation_ids: only those of them with one of these ids.
    """
    if conversation_ids is None:
        rows = db.run(_CONVERSATIONS, user=user_id).all()
    else:
        rows = db.run(_SOME_CONVERSATIONS, user=user_id, ids=list(conversation_ids)).all()
    strangers = people({row.friend_id for row in rows if row.friend_name is None} - {None}, base)
    return [
        {
            "id": conversation_id,
            **(
                {
                    "name": name,
                    "avatar": group_picture_url(base, picture, reference),
                    "is_chat_group": True,
                }
                if friend_id is None
                else {
                    **(
                        strangers.get(friend_id)
                        or person(base, friend_id, friend_name, friend_picture, friend_reference)
                    )._asdict(),
                    "is_chat_group": False,
                    "friend_id": friend_id,
                }
            ),
            "last_message": "" if last_id is None else content_shown(base, last_type, content),
            "last_message_time": "" if last_id is None else sent_at,
            "last_message_type": last_type or 0,
            "last_message_id": last_id or 0,
            "is_top": is_pinned,
            "notice_able": notices_on,
            "unread_count": unread,
            "version": version,
        }
        for (
            conversation_id,
            name,
            picture,
            reference,
            friend_id,
            friend_name,
            friend_picture,
            friend_reference,
            is_pinned,
            notices_on,
            unread,
            last_id,
            last_type,
            content,
            sent_at,
            version,
        ) in rows
    ]


def create_group(owner_id: int, name: str, member_ids: Collection[int]) -> int:
    """Found a group of ``owner_id`` and friends of theirs.

    Args:
        owner_id: who founds it.
        name: of the group.
        member_ids: the friends; repeats and the owner count as nothing.

    Returns:
        the conversation's id.

    Raises:
        ApiError: ``MEMBER_UNKNOWN``, ``NOT_FRIEND``, ``TOO_MANY_REQUESTS``; or ``members`` are
            nobody else.
    """
    others = set(member_ids) - {owner_id}
    if not others:
        raise bad_parameter("members")
    active = {account.id for account in accounts.find(others).values() if not account.deleted}
    if not others <= active:
        raise ApiError(errors.MEMBER_UNKNOWN)
    if not others <= friends_among(owner_id, others):
        raise ApiError(errors.NOT_FRIEND)
    limits.new_groups.hit(str(owner_id))
    now = datetime.now(UTC)
    with transaction() as session:
        conversation = Conversation(is_group=True, name=name, created_at=now)
        session.add(conversation)
        session.flush()
        roles = {owner_id: OWNER} | dict.fromkeys(sorted(others), MEMBER)
        session.execute(
            insert(Membership),
            [
                {
                    "conversation_id": conversation.id,
                    "user_id": user_id,
                    "role": role,
                    "joined_at": now,
                }
                for user_id, role in roles.items()
            ],
        )
        notices.conversation_changed(conversation.id, members=tuple(roles))
    return conversation.id


def members_of(conversation_id: int, user_id: int, base: str) -> dict[str, Any]:
    """Who is in a group, the owner and the admins first; or the other one of a private chat.

    Args:
        conversation_id: the conversation.
        user_id: somebody in it.
        base: the public base of the request.
    """
    access = access_to(conversation_id, user_id, errors.CONVERSATION_NOT_FOUND)
    if access.role is None:
        raise ApiError(errors.CONVERSATION_NOT_FOUND)
    rows = db.session.execute(
        select(Membership.user_id, Membership.role)
        .where(Membership.conversation_id == conversation_id)
        .order_by(Membership.role, Membership.user_id)
    ).all()
    persons = people([member_id for member_id, _ in rows], base)
    members = [
        {
            "id": member_id,
            "name": persons[member_id].name,
            "avatar": persons[member_id].avatar,
            "identity": role,
        }
        for member_id, role in rows
    ]
    if access.is_group:
        return {"identity": access.role, "members": members}
    [friend] = [member for member in members if member["id"] != user_id]
    del friend["identity"]
    return {"members": [friend]}


def settings_of(conversation_id: int, user_id: int) -> dict[str, Any]:
    """How somebody has set a conversation up for themselves, and their unread messages in it."""
    row = db.session.execute(
        select(unread_count(), Membership.notices_on, Membership.is_pinned)
        .select_from(Conversation)
        .outerjoin(
            Membership,
            (Membership.conversation_id == Conversation.id) & (Membership.user_id == user_id),
        )
        .where(Conversation.id == conversation_id, Conversation.is_open)
    ).first()
    if row is None:
        raise ApiError(errors.CONVERSATION_NOT_FOUND_ZH)
    unreads, notices_on, is_pinned = row
    if unreads is None:
        raise ApiError(errors.NO_ACCESS)
    return {"unreads": unreads, "notification": notices_on, "ontop": is_pinned}


def change_settings(
    conversation_id: int,
    user_id: int,
    *,
    is_pinned: bool | None = None,
    notices_on: bool | None = None,
    unread: int | None = None,
) -> None:
    """Set a conversation up for oneself; what is None stays.

    Args:
        conversation_id: the conversation.
        user_id: somebody in it.
        is_pinned: whether it stands before the others.
        notices_on: whether its messages are to be noticed.
        unread: the number of unread messages to show until it is read.
    """
    if not access_to(conversation_id, user_id, errors.CONVERSATION_NOT_FOUND_ZH).is_member:
        raise ApiError(errors.NO_ACCESS)
    given = {"is_pinned": is_pinned, "notices_on": notices_on}
    changed = {name: value for name, value in given.items() if value is not None}
    with transaction() as session:
        if unread is not None:
            set_unread_count(session, conversation_id, user_id, unread)
        if changed:
            session.execute(
                update(Membership)
                .where(Membership.conversation_id == conversation_id, Membership.user_id == user_id)
                .values(changed)
            )
            notices.own_setting_changed(user_id)
