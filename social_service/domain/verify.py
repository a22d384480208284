"""What always holds in the social service, and what it knows together with others."""

from sqlalchemy import and_, case, exists, or_, select

from shared.verify import Check, States, foreign_keys, in_sql, referring
from social_service.db import db
from social_service.domain.accounts import accounts
from social_service.domain.friendships import all_friendships
from social_service.domain.outbox import outbox
from social_service.models import (
    Account,
    FriendGroup,
    FriendGroupMember,
    FriendRequest,
    Friendship,
    OutboxEvent,
    RequestStatus,
)

_pair_of_request = (
    Friendship.low_id
    == case(
        (FriendRequest.sender_id < FriendRequest.receiver_id, FriendRequest.sender_id),
        else_=FriendRequest.receiver_id,
    )
) & (
    Friendship.high_id
    == case(
        (FriendRequest.sender_id < FriendRequest.receiver_id, FriendRequest.receiver_id),
        else_=FriendRequest.sender_id,
    )
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
    referring(
        db,
        "everybody who is named is known",
        [
            (Friendship.low_id, Account.id),
            (Friendship.high_id, Account.id),
            (FriendRequest.sender_id, Account.id),
            (FriendRequest.receiver_id, Account.id),
            (FriendGroup.owner_id, Account.id),
            (FriendGroupMember.member_id, Account.id),
        ],
    ),
    in_sql(
        db,
        "a friendship is active after every odd change",
        Friendship.id,
        select(Friendship.low_id, Friendship.high_id, Friendship.active, Friendship.version).where(
            Friendship.active != (Friendship.version % 2 == 1)
        ),
    ),
    in_sql(
        db,
        "each request has its pair, who are no friends while it waits",
        FriendRequest.id,
        select(FriendRequest.id, FriendRequest.sender_id, FriendRequest.receiver_id)
        .outerjoin(Friendship, _pair_of_request)
        .where(
            or_(
                Friendship.id.is_(None),
                Friendship.active & (FriendRequest.status == RequestStatus.WAITING),
            )
        ),
    ),
    in_sql(
        db,
        "everybody in a friend group is a friend of its owner",
        FriendGroupMember.group_id,
        select(FriendGroupMember.group_id, FriendGroup.owner_id, FriendGroupMember.member_id)
        .join(FriendGroup, FriendGroup.id == FriendGroupMember.group_id)
        .where(~_active_with_owner),
    ),
    in_sql(db, "no event waits for longer than ten minutes", OutboxEvent.id, outbox.overdue()),
]

STATES: States = {
    "account": lambda: db.stream(accounts.states()),
    "friendship": lambda: db.stream(
        all_friendships().order_by(Friendship.low_id, Friendship.high_id)
    ),
}
