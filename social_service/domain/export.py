"""Export of the data of a user."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import case, func, or_, select

from shared.data.large_results import read_pages
from shared.operations.data_export import ExportedFile, iter_json_array
from social_service.db import db
from social_service.domain import friendships
from social_service.domain.audit import audit
from social_service.models import (
    Account,
    Block,
    FriendGroup,
    FriendGroupMember,
    FriendRequest,
    RequestStatus,
)

_README = """\
friends.json           the friends
friend_requests.json   sent and received requests, with their status
friend_groups.json     the user's groups of friends, one member per line
blocks.json            blocked users
audit.json             security events
"""


def files(account_id: int) -> Iterator[ExportedFile]:
    """Export a user's friends, requests, friend groups and blocks."""
    yield ExportedFile("README.txt", [_README.encode()])
    yield ExportedFile("friends.json", iter_json_array(_friends(account_id)))
    yield ExportedFile("friend_requests.json", iter_json_array(_requests(account_id)))
    yield ExportedFile("friend_groups.json", iter_json_array(_groups(account_id)))
    yield ExportedFile("blocks.json", iter_json_array(_blocks(account_id)))
    yield ExportedFile("audit.json", iter_json_array(audit.export(account_id)))


def _friends(account_id: int) -> Iterator[dict[str, Any]]:
    friend = friendships.friend_ids_of(friendships.USER).subquery()
    return read_pages(
        db,
        select(friend.c.id, Account.name, Account.email)
        .outerjoin(Account, Account.id == friend.c.id)
        .params(user=account_id),
        friend.c.id,
    )


def _requests(account_id: int) -> Iterator[dict[str, Any]]:
    is_own = FriendRequest.sender_id == account_id
    other_id = case((is_own, FriendRequest.receiver_id), else_=FriendRequest.sender_id)
    words = {status.value: status.name.lower() for status in RequestStatus}
    return read_pages(
        db,
        select(
            case((is_own, "sent"), else_="received").label("direction"),
            other_id.label("person_id"),
            Account.name.label("person_name"),
            FriendRequest.message,
            case(words, value=FriendRequest.status).label("status"),
            FriendRequest.created_at,
        )
        .outerjoin(Account, Account.id == other_id)
        .where(or_(is_own, (FriendRequest.receiver_id == account_id) & ~FriendRequest.withheld)),
        FriendRequest.id,
    )


def _groups(account_id: int) -> Iterator[dict[str, Any]]:
    return read_pages(
        db,
        select(
            FriendGroup.id,
            FriendGroup.name,
            FriendGroupMember.member_id,
            Account.name.label("member_name"),
        )
        .outerjoin(FriendGroupMember, FriendGroupMember.group_id == FriendGroup.id)
        .outerjoin(Account, Account.id == FriendGroupMember.member_id)
        .where(FriendGroup.owner_id == account_id),
        FriendGroup.id,
        func.coalesce(FriendGroupMember.member_id, 0),
    )


def _blocks(account_id: int) -> Iterator[dict[str, Any]]:
    return read_pages(
        db,
        select(Block.blocked_id.label("id"), Account.name, Block.created_at)
        .outerjoin(Account, Account.id == Block.blocked_id)
        .where(Block.blocker_id == account_id),
        Block.id,
    )
