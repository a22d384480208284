"""Sending, accepting and rejecting friend requests."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import bindparam, delete, select, update

from shared.web.errors import ApiError
from social_service import errors
from social_service.db import AnyRow, db, transaction
from social_service.domain import blocks, friendships
from social_service.domain.accounts import are_active, fetch_with_accounts, join_accounts
from social_service.domain.limits import limits
from social_service.domain.outbox import friend_request_changed, outbox
from social_service.models import FriendRequest, Friendship, RequestStatus

log = logging.getLogger(__name__)

_REQUESTS = join_accounts(
    select(
        FriendRequest.sender_id,
        FriendRequest.receiver_id,
        FriendRequest.message,
        FriendRequest.created_at,
        FriendRequest.status,
    )
    .where(FriendRequest.receiver_id == bindparam("receiver"), ~FriendRequest.withheld)
    .order_by(FriendRequest.created_at.desc(), FriendRequest.id.desc()),
    FriendRequest.sender_id,
)

_EARLIER = select(FriendRequest.status).where(
    FriendRequest.sender_id == bindparam("sender"),
    FriendRequest.receiver_id == bindparam("receiver"),
)


def send_friend_request(sender_id: int, target_id: int, message: str) -> None:
    """Send a friend request to ``target_id``. It replaces an earlier one.

    This removes the sender's block of the target. If the target has blocked the sender, the
    request is withheld from the target, which is not revealed to the sender.

    Raises:
        ApiError: ``CANNOT_ADD_SELF``, ``USER_NOT_FOUND_OR_DELETED`` (either of the two),
            ``ALREADY_FRIENDS``,
            ``REQUEST_ALREADY_SENT`` (and it is pending), ``TOO_MANY_REQUESTS``.
    """
    if sender_id == target_id:
        raise ApiError(errors.CANNOT_ADD_SELF)
    if not are_active(sender_id, target_id):
        raise ApiError(errors.USER_NOT_FOUND_OR_DELETED)
    earlier = db.execute(_EARLIER, sender=sender_id, receiver=target_id).scalar()
    if earlier != RequestStatus.PENDING:
        limits.repeated_requests.check(str(sender_id), str(target_id))
    with transaction():
        friendships.ensure_pair(sender_id, target_id)
        pair = friendships.lock_pair(sender_id, target_id)
        if pair is not None and pair.active:
            raise ApiError(errors.ALREADY_FRIENDS)
        blockers = blocks.blockers_among(sender_id, target_id)
        if sender_id in blockers:
            blocks.lift_block(sender_id, target_id)
        withheld = target_id in blockers
        if not _insert_request(sender_id, target_id, message, withheld=withheld):
            raise ApiError(errors.REQUEST_ALREADY_SENT)
        # A withheld request is announced only to its sender.
        outbox.add(friend_request_changed(sender_id, sender_id if withheld else target_id))
    if earlier == RequestStatus.REJECTED:
        limits.repeated_requests.hit(str(sender_id), str(target_id))
    log.info("friend_request_sent", extra={"sender_id": sender_id, "target_id": target_id})


def list_friend_requests(receiver_id: int) -> Sequence[AnyRow]:
    """List the requests that a user received, newest first, each with the sender's account."""
    return fetch_with_accounts(_REQUESTS, receiver=receiver_id)


def accept_friend_request(user_id: int, sender_id: int, receiver_id: int) -> None:
    """Accept a request and start a friendship. A crossing request is resolved with it.

    Args:
        user_id: the caller, who must be the receiver.
        sender_id: the sender of the request.
        receiver_id: its receiver.

    Raises:
        ApiError: ``USER_DELETED`` (either of the two), ``ALREADY_FRIENDS``, ``REQUEST_NOT_FOUND``.
    """
    _check_receiver(user_id, sender_id, receiver_id)
    with transaction():
        pair = _resolve(sender_id, receiver_id, RequestStatus.ACCEPTED)
        _set_status(receiver_id, sender_id, RequestStatus.SUPERSEDED)
        friendships.activate(pair)
        outbox.add(friend_request_changed(sender_id, receiver_id))
    log.info("friendship_began", extra={"sender_id": sender_id, "receiver_id": receiver_id})


def refuse_friend_request(user_id: int, sender_id: int, receiver_id: int) -> None:
    """Reject a request. Arguments and errors are those of `accept_friend_request`."""
    _check_receiver(user_id, sender_id, receiver_id)
    with transaction():
        _resolve(sender_id, receiver_id, RequestStatus.REJECTED)
        outbox.add(friend_request_changed(sender_id, receiver_id))
    log.info("friend_request_refused", extra={"sender_id": sender_id, "receiver_id": receiver_id})


def _insert_request(sender_id: int, receiver_id: int, message: str, *, withheld: bool) -> bool:
    """Insert a request or replace a resolved one; False if one is pending."""
    db.session.execute(
        delete(FriendRequest).where(
            FriendRequest.sender_id == sender_id,
            FriendRequest.receiver_id == receiver_id,
            FriendRequest.status != RequestStatus.PENDING,
        )
    )
    inserted = db.session.execute(
        db.insert(FriendRequest)
        .values(
            sender_id=sender_id,
            receiver_id=receiver_id,
            message=message,
            status=RequestStatus.PENDING,
            created_at=datetime.now(UTC),
            withheld=withheld,
        )
        .on_conflict_do_nothing(index_elements=["sender_id", "receiver_id"])
        .returning(FriendRequest.id)
    )
    return inserted.first() is not None


def _check_receiver(user_id: int, sender_id: int, receiver_id: int) -> None:
    if not are_active(user_id, sender_id):
        raise ApiError(errors.USER_DELETED)
    if user_id != receiver_id:
        raise ApiError(errors.REQUEST_NOT_FOUND)


def _resolve(sender_id: int, receiver_id: int, status: RequestStatus) -> Friendship:
    """Set the final status of a pending request.

    Returns:
        the pair, locked.
    """
    pair = friendships.lock_pair(sender_id, receiver_id)
    if pair is not None and pair.active:
        raise ApiError(errors.ALREADY_FRIENDS)
    if pair is None or not _set_status(sender_id, receiver_id, status):
        raise ApiError(errors.REQUEST_NOT_FOUND)
    return pair


def _set_status(sender_id: int, receiver_id: int, status: RequestStatus) -> bool:
    """Set the status of a pending request, if there is one."""
    marked = db.session.execute(
        update(FriendRequest)
        .where(
            FriendRequest.sender_id == sender_id,
            FriendRequest.receiver_id == receiver_id,
            FriendRequest.status == RequestStatus.PENDING,
            ~FriendRequest.withheld,
        )
        .values(status=status)
        .returning(FriendRequest.id)
    )
    return marked.first() is not None
