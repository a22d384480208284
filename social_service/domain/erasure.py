"""Erasure of the data of an erased account."""

from sqlalchemy import delete, or_

from shared.data.erasure import Erasures
from social_service.db import db, transaction
from social_service.domain import blocks, friends, friendships
from social_service.domain.audit import audit
from social_service.models import Erasure, FriendGroup, FriendGroupMember, FriendRequest

_BATCH_SIZE = 20  # Chat is notified of each of them after the commit, with a timeout of seconds.


def erase(account_id: int) -> None:
    """End a user's friendships, and delete their requests, groups and blocks."""
    while _end_some_friendships(account_id):
        pass
    with transaction():
        db.session.execute(
            delete(FriendRequest).where(
                or_(FriendRequest.sender_id == account_id, FriendRequest.receiver_id == account_id)
            )
        )
        blocks.delete_blocks(account_id)
        audit.erase(account_id)
        db.session.execute(delete(FriendGroup).where(FriendGroup.owner_id == account_id))
        db.session.execute(
            delete(FriendGroupMember).where(FriendGroupMember.member_id == account_id)
        )


def _end_some_friendships(account_id: int) -> bool:
    with transaction():
        pairs = friendships.lock_batch(account_id, _BATCH_SIZE)
        for pair in pairs:
            friends.end_locked_friendship(pair)
    return bool(pairs)


erasures = Erasures(db, Erasure, erase)
