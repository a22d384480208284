"""Integrity checks of the social service, and the state that it shares with others."""

from typing import Any

from sqlalchemy import and_, case, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from shared.data.large_results import stream_rows
from shared.operations.integrity import Check, States, foreign_keys, reference_check, sql_check
from social_service.db import db
from social_service.domain.accounts import accounts
from social_service.domain.friendships import select_friendships
from social_service.domain.outbox import outbox
from social_service.models import (
    Account,
    Block,
    FriendGroup,
    FriendGroupMember,
    FriendRequest,
    Friendship,
    OutboxEvent,
    RequestStatus,
)


def _is_pair_of(one: InstrumentedAttribute[int], other: InstrumentedAttribute[int]) -> Any:
    """Build the SQL condition that a friendship's row is that of these two users."""
    is_ordered = one < other
    return (Friendship.low_id == case((is_ordered, one), else_=other)) & (
        Friendship.high_id == case((is_ordered, other), else_=one)
    )


_pair_of_request = _is_pair_of(FriendRequest.sender_id, FriendRequest.receiver_id)
_pair_of_block = _is_pair_of(Block.blocker_id, Block.blocked_id)
_receiver_blocks_sender = exists().where(
    Block.blocker_id == FriendRequest.receiver_id, Block.blocked_id == FriendRequest.sender_id
)
_active_with_owner = exists().where(
    Friendship.active,
    or_(
        and_(
            Friendship.low_id == FriendGroup.owner_id,
            Friendship.high_id == FriendGroupMember.member_id,
        ),
        and_(
            Friendship.low_id == FriendGroupMember.member_id,
            Friendship.high_id == FriendGroup.owner_id,
        ),
    ),
)

CHECKS: list[Check] = [
    foreign_keys(db),
    reference_check(
        db,
        "all referenced accounts are known",
        [
            (Friendship.low_id, Account.id),
            (Friendship.high_id, Account.id),
            (FriendRequest.sender_id, Account.id),
            (FriendRequest.receiver_id, Account.id),
            (Block.blocker_id, Account.id),
            (Block.blocked_id, Account.id),
            (FriendGroup.owner_id, Account.id),
            (FriendGroupMember.member_id, Account.id),
        ],
    ),
    sql_check(
        db,
        "a friendship is active after every odd change",
        Friendship.id,
        select(Friendship.low_id, Friendship.high_id, Friendship.active, Friendship.version).where(
            Friendship.active != (Friendship.version % 2 == 1)
        ),
    ),
    sql_check(
        db,
        "each request has its pair, who are no friends while it waits",
        FriendRequest.id,
        select(FriendRequest.id, FriendRequest.sender_id, FriendRequest.receiver_id)
        .outerjoin(Friendship, _pair_of_request)
        .where(
            or_(
                Friendship.id.is_(None),
                Friendship.active & (FriendRequest.status == RequestStatus.PENDING),
            )
        ),
    ),
    sql_check(
        db,
        "users of whom one has blocked the other are no friends",
        Block.id,
        select(Block.id, Block.blocker_id, Block.blocked_id)
        .join(Friendship, _pair_of_block)
        .where(Friendship.active),
    ),
    sql_check(
        db,
        "a request is withheld exactly while its receiver blocks its sender",
        FriendRequest.id,
        select(FriendRequest.id, FriendRequest.sender_id, FriendRequest.receiver_id).where(
            FriendRequest.withheld != _receiver_blocks_sender
        ),
    ),
    sql_check(
        db,
        "all members of a friend group are friends of its owner",
        FriendGroupMember.group_id,
        select(FriendGroupMember.group_id, FriendGroup.owner_id, FriendGroupMember.member_id)
        .join(FriendGroup, FriendGroup.id == FriendGroupMember.group_id)
        .where(~_active_with_owner),
    ),
    sql_check(db, "no event waits for longer than ten minutes", OutboxEvent.id, outbox.overdue()),
]

STATES: States = {
    "account": lambda: stream_rows(db, accounts.select_states()),
    "friendship": lambda: stream_rows(
        db, select_friendships().order_by(Friendship.low_id, Friendship.high_id)
    ),
}
