"""Who may open a socket, and which conversations it subscribes to."""

import socket
from collections.abc import Collection

from sqlalchemy import func, select

from chat_service.db import db
from chat_service.domain.accounts import accounts
from chat_service.live.delivery import LiveDelivery
from chat_service.live.subscriber import Subscriber, Subscriptions
from chat_service.models import Account, Conversation, Membership


def open_socket(
    connection: socket.socket, handshake_response: bytes, subscriber: Subscriber
) -> None:
    """Open a socket for a person.

    Args:
        connection: over which the handshake came.
        handshake_response: the answer to the handshake.
        subscriber: what the person's token says.

    Raises:
        ApiError: ``INVALID_JWT``, if the account is gone or the token is of an earlier life of it.
    """
    accounts.state_of(subscriber.user_id)  # Auth is asked for what the copy lacks.
    live.connect(connection, handshake_response, subscriber)


def _load_subscriptions(user_ids: Collection[int]) -> dict[int, Subscriptions]:
    rows = db.session.execute(
        select(
            Account.id,
            Account.generation,
            Account.deleted,
            Account.session_ends,
            Membership.conversation_id,
        )
        .outerjoin(Membership, Membership.user_id == Account.id)
        .where(Account.id.in_(user_ids))
    ).all()
    db.release()
    found: dict[int, Subscriptions] = {}
    for row in rows:
        generation = None if row.deleted else row.generation
        subscriptions = found.setdefault(row.id, Subscriptions(generation, row.session_ends, set()))
        if row.conversation_id is not None:
            subscriptions.rooms.add(row.conversation_id)
    return found


def _filter_members(conversation_id: int, user_ids: Collection[int]) -> Collection[int]:
    return db.session.scalars(
        select(Membership.user_id).where(
            Membership.conversation_id == conversation_id, Membership.user_id.in_(user_ids)
        )
    ).all()


def _load_circles(user_id: int, limit: int) -> tuple[Collection[int], int]:
    own = (
        select(Membership.conversation_id)
        .join(Conversation, Conversation.id == Membership.conversation_id)
        .where(Membership.user_id == user_id, Conversation.is_open)
    )
    some = select(Membership.user_id).where(Membership.conversation_id.in_(own)).limit(limit)
    members = db.session.scalar(select(func.count()).select_from(some.subquery()))
    return db.session.scalars(own).all(), members or 0


live = LiveDelivery(_load_subscriptions, _filter_members, _load_circles)
