"""Friends of a user: listing, profile, end of a friendship."""

from collections.abc import Sequence

from sqlalchemy import and_, delete, or_, select

from shared.web.errors import ApiError
from social_service import errors
from social_service.db import AnyRow, db, transaction
from social_service.domain import friendships, groups
from social_service.domain.accounts import accounts, fetch_with_accounts, join_accounts
from social_service.domain.audit import audit
from social_service.domain.outbox import friendship_ended, outbox
from social_service.models import FriendRequest, Friendship, RequestStatus

_friend = friendships.friend_ids_of(friendships.USER).subquery()
_FRIENDS = accounts.with_caller(
    join_accounts(select().select_from(_friend).order_by(_friend.c.id), _friend.c.id)
)


def list_friends(user_id: int) -> Sequence[AnyRow]:
    """List the accounts of a user's friends, by id."""
    return fetch_with_accounts(_FRIENDS, user=user_id)


def get_friend(user_id: int, friend_id: int) -> tuple[AnyRow, Sequence[AnyRow]]:
    """Get a friend's account, and the user's groups that contain the friend.

    Raises:
        ApiError: ``USER_NOT_FOUND``, ``FRIEND_NOT_FOUND``.
    """
    account = accounts.get_many([friend_id]).get(friend_id)
    if account is None:
        raise ApiError(errors.USER_NOT_FOUND)
    if not friendships.are_friends(user_id, friend_id):
        raise ApiError(errors.FRIEND_NOT_FOUND)
    return account, groups.list_groups_containing(user_id, friend_id)


def end_friendship(user_id: int, friend_id: int) -> None:
    """End a friendship, delete the pair's requests, and remove each from the other's groups.

    Raises:
        ApiError: ``FRIEND_NOT_FOUND``, ``ALREADY_NOT_FRIEND``.
    """
    if not accounts.get_many([friend_id]):
        raise ApiError(errors.FRIEND_NOT_FOUND)
    with transaction():
        pair = friendships.lock_pair(user_id, friend_id)
        if pair is None or not pair.active:
            raise ApiError(errors.ALREADY_NOT_FRIEND)
        end_locked_friendship(pair)
        audit.record("friendship_ended", friend_id)


def end_locked_friendship(pair: Friendship) -> None:
    """End the friendship of a locked pair, with its requests and group memberships."""
    friendships.deactivate(pair)
    delete_requests(pair.low_id, pair.high_id)
    groups.remove_from_all_groups(pair.low_id, pair.high_id)
    groups.remove_from_all_groups(pair.high_id, pair.low_id)
    outbox.add(friendship_ended(pair))


def delete_requests(user_id: int, other_id: int) -> bool:
    """Delete the requests of a locked pair, and return whether one was pending."""
    deleted = db.session.scalars(
        delete(FriendRequest)
        .where(
            or_(
                and_(FriendRequest.sender_id == user_id, FriendRequest.receiver_id == other_id),
                and_(FriendRequest.sender_id == other_id, FriendRequest.receiver_id == user_id),
            )
        )
        .returning(FriendRequest.status)
    )
    return RequestStatus.PENDING in deleted.all()
