"""Blocking of users. A block is not revealed to the blocked user.

A friend request to a user who has blocked its sender is stored like any other, but withheld
from its receiver. The sender gets the responses and live events of a pending request.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import and_, bindparam, delete, func, or_, select

from shared.web.errors import ApiError
from social_service import errors
from social_service.db import AnyRow, db, transaction
from social_service.domain import friends, friendships
from social_service.domain.accounts import accounts, fetch_with_accounts, join_accounts
from social_service.domain.audit import audit
from social_service.domain.outbox import friend_request_changed, outbox
from social_service.models import Account, Block, FriendRequest

MAX_BLOCKS = 2_000

_BLOCKS = join_accounts(
    select(Block.created_at)
    .where(Block.blocker_id == bindparam("blocker"))
    .order_by(Block.id.desc()),
    Block.blocked_id,
)


def list_blocks(user_id: int) -> Sequence[AnyRow]:
    """List the accounts that a user has blocked, newest first, each with ``created_at``."""
    return fetch_with_accounts(_BLOCKS, blocker=user_id)


def block_user(user_id: int, blocked_id: int) -> None:
    """Block a user, and end a friendship of the two and their requests. Idempotent.

    Raises:
        ApiError: ``USER_NOT_FOUND``, ``CANNOT_BLOCK_SELF``, ``TOO_MANY_BLOCKS``.
    """
    _check_users(user_id, blocked_id)
    with transaction():
        _lock_blocker(user_id)
        friendships.ensure_pair(user_id, blocked_id)
        pair = friendships.lock_pair(user_id, blocked_id)
        if user_id in blockers_among(user_id, blocked_id):
            return
        _check_room(user_id)
        block = Block(blocker_id=user_id, blocked_id=blocked_id, created_at=datetime.now(UTC))
        db.session.add(block)
        if pair is not None and pair.active:
            friends.end_locked_friendship(pair)
        elif friends.delete_requests(user_id, blocked_id):
            outbox.add(friend_request_changed(blocked_id, user_id))
        audit.record("user_blocked", blocked_id)


def unblock_user(user_id: int, blocked_id: int) -> None:
    """Remove a block; does nothing if there is none.

    Raises:
        ApiError: ``USER_NOT_FOUND``, ``CANNOT_BLOCK_SELF``.
    """
    _check_users(user_id, blocked_id)
    with transaction():
        friendships.lock_pair(user_id, blocked_id)
        if lift_block(user_id, blocked_id):
            audit.record("user_unblocked", blocked_id)


def blockers_among(user_id: int, other_id: int) -> set[int]:
    """List which of a locked pair have blocked the other."""
    return set(
        db.session.scalars(
            select(Block.blocker_id).where(
                or_(
                    and_(Block.blocker_id == user_id, Block.blocked_id == other_id),
                    and_(Block.blocker_id == other_id, Block.blocked_id == user_id),
                )
            )
        )
    )


def lift_block(user_id: int, blocked_id: int) -> bool:
    """Delete a block of a locked pair and the requests that it withheld.

    Returns:
        whether there was one.
    """
    deleted = db.execute(
        delete(Block).where(Block.blocker_id == user_id, Block.blocked_id == blocked_id)
    )
    db.session.execute(
        delete(FriendRequest).where(
            FriendRequest.sender_id == blocked_id,
            FriendRequest.receiver_id == user_id,
            FriendRequest.withheld,
        )
    )
    return bool(deleted.rowcount)


def delete_blocks(user_id: int) -> None:
    """Delete all blocks by a user and of a user."""
    db.session.execute(
        delete(Block).where(or_(Block.blocker_id == user_id, Block.blocked_id == user_id))
    )


def _check_users(user_id: int, blocked_id: int) -> None:
    if user_id == blocked_id:
        raise ApiError(errors.CANNOT_BLOCK_SELF)
    if not accounts.get_many([blocked_id]):
        raise ApiError(errors.USER_NOT_FOUND)


def _lock_blocker(user_id: int) -> None:
    """Lock the blocks of a user, so that concurrent blocks are counted one after another."""
    db.session.execute(select(Account.id).where(Account.id == user_id).with_for_update())


def _check_room(user_id: int) -> None:
    blocks = select(func.count()).select_from(Block).where(Block.blocker_id == user_id)
    if db.session.scalars(blocks).one() >= MAX_BLOCKS:
        raise ApiError(errors.TOO_MANY_BLOCKS)
