"""Announcements of a group (群公告): its owner and admins post them, every member reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events
from chat_service.domain.access import lock_conversation
from chat_service.domain.accounts import Person, get_people
from chat_service.domain.group_lists import list_of_group, select_of_group
from chat_service.domain.text import is_blank
from chat_service.models import Announcement
from shared.web.errors import ApiError
from shared.web.streaming import Blocks

_MAX_LENGTH = 2000


class PostedAnnouncement(NamedTuple):
    """An announcement, and who posted it."""

    id: int
    sender: Person
    content: str
    created_at: datetime


_ANNOUNCEMENTS = select_of_group(
    Announcement, Announcement.sender_id, Announcement.content, Announcement.created_at
)


def list_announcements(
    conversation_id: int, user_id: int
) -> list[PostedAnnouncement] | Blocks[list[PostedAnnouncement]]:
    """List the announcements of a group, newest first.

    Args:
        conversation_id: the group.
        user_id: a member of it.

    Returns:
        one block, or a stream of blocks if the list is long.

    Raises:
        ApiError: see `list_of_group`.
    """
    return list_of_group(conversation_id, user_id, _ANNOUNCEMENTS, _make_block)


def _make_block(rows: Sequence[Any]) -> list[PostedAnnouncement]:
    senders = get_people({row.sender_id for row in rows})
    return [
        PostedAnnouncement(row.id, senders[row.sender_id], row.content, row.created_at)
        for row in rows
    ]


def post_announcement(conversation_id: int, user_id: int, content: str) -> int:
    """Post an announcement in a group, as its owner or an admin.

    Returns:
        the announcement's id.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``MAY_NOT_ANNOUNCE``, ``CONTENT_EMPTY``,
            ``CONTENT_TOO_LONG``.
    """
    with transaction():
        group = lock_conversation(conversation_id, (user_id,), errors.CONVERSATION_NOT_FOUND)
        if not group.is_admin(user_id):
            raise ApiError(errors.MAY_NOT_ANNOUNCE)
        if is_blank(content):
            raise ApiError(errors.CONTENT_EMPTY)
        if len(content) > _MAX_LENGTH:
            raise ApiError(errors.CONTENT_TOO_LONG)
        announcement_id: int = db.session.execute(
            insert(Announcement)
            .values(
                conversation_id=conversation_id,
                sender_id=user_id,
                content=content,
                created_at=datetime.now(UTC),
            )
            .returning(Announcement.id)
        ).scalar_one()
        live_events.announcements_changed(conversation_id)
    return announcement_id


def delete_announcement(announcement_id: int, user_id: int) -> None:
    """Delete an announcement of any author, as the owner or an admin of the group.

    Raises:
        ApiError: ``ANNOUNCEMENT_NOT_FOUND``, ``MAY_NOT_DELETE_ANNOUNCEMENT``.
    """
    with transaction():
        conversation_id = db.session.execute(
            select(Announcement.conversation_id).where(Announcement.id == announcement_id)
        ).scalar()
        if conversation_id is None:
            raise ApiError(errors.ANNOUNCEMENT_NOT_FOUND)
        group = lock_conversation(conversation_id, (user_id,), errors.ANNOUNCEMENT_NOT_FOUND)
        if not group.is_admin(user_id):
            raise ApiError(errors.MAY_NOT_DELETE_ANNOUNCEMENT)
        deleted = db.session.execute(
            delete(Announcement)
            .where(Announcement.id == announcement_id)
            .returning(Announcement.id)
        ).first()
        if deleted is None:  # A concurrent request deleted it.
            raise ApiError(errors.ANNOUNCEMENT_NOT_FOUND)
        live_events.announcements_changed(conversation_id)
