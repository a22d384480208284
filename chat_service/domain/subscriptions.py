"""Subscriptions of sockets to the conversations of their users."""

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
    """Open a socket for a user.

    Args:
        connection: the connection of the handshake request.
        handshake_response: the response to the handshake.
        subscriber: the claims of the user's token.

    Raises:
        ApiError: ``INVALID_JWT``: the account or the session of the token has ended.
    """
    accounts.get_state(subscriber.user_id)  # Copies the account if it is unknown here.
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
    result: dict[int, Subscriptions] = {}
    for row in rows:
        generation = None if row.deleted else row.generation
        subscriptions = result.setdefault(
            row.id, Subscriptions(generation, row.session_ends, set())
        )
        if row.conversation_id is not None:
            subscriptions.rooms.add(row.conversation_id)
    return result


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
