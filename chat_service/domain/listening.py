"""Who may open a socket, and which conversations it is told of."""

import socket
from collections.abc import Collection

from sqlalchemy import func, select

from chat_service.db import db
from chat_service.domain.accounts import accounts
from chat_service.live.audience import Standing
from chat_service.live.delivery import Delivery
from chat_service.live.sockets import Listener
from chat_service.models import Account, Conversation, Membership


def listen(connection: socket.socket, consent: bytes, listener: Listener) -> None:
    """Open a socket for a person.

    Args:
        connection: over which the handshake came.
        consent: the answer to the handshake.
        listener: what the person's token says.

    Raises:
        ApiError: ``INVALID_JWT``, if the account is gone or the token is of an earlier life of it.
    """
    accounts.state_of(listener.user_id)  # Auth is asked for what the copy lacks.
    live.connect(connection, consent, listener)


def _standing_of(user_ids: Collection[int]) -> dict[int, Standing]:
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
    standings: dict[int, Standing] = {}
    for user_id, generation, deleted, session_ends, conversation_id in rows:
        standing = standings.setdefault(
            user_id, Standing(None if deleted else generation, session_ends, set())
        )
        if conversation_id is not None:
            standing.rooms.add(conversation_id)
    return standings


def _members_among(conversation_id: int, user_ids: Collection[int]) -> Collection[int]:
    return db.session.scalars(
        select(Membership.user_id).where(
            Membership.conversation_id == conversation_id, Membership.user_id.in_(user_ids)
        )
    ).all()


def _circles_of(user_id: int, limit: int) -> tuple[Collection[int], int]:
    own = (
        select(Membership.conversation_id)
        .join(Conversation, Conversation.id == Membership.conversation_id)
        .where(Membership.user_id == user_id, Conversation.is_open)
    )
    some = select(Membership.user_id).where(Membership.conversation_id.in_(own)).limit(limit)
    members = db.session.scalar(select(func.count()).select_from(some.subquery()))
    return db.session.scalars(own).all(), members or 0


live = Delivery(_standing_of, _members_among, _circles_of)
