"""Conversion of bounds by id and by time to bounds by version, in SQL."""

from typing import Any

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.orm import aliased

from chat_service.db import db
from chat_service.models import Message
from shared.data.columns import BigId

_CONVERSATION = bindparam("conversation", type_=BigId)
_near = aliased(Message)


def version_near(name: str, *, before: bool = False) -> Any:
    """Build the version of the first message after an id, or of the last one before it.

    On PostgreSQL the condition compares pairs, so that only the index of (conversation, id) has
    the order of the query. With the index of ids PostgreSQL would scan all conversations.
    """
    here: Any = _near.conversation_id == _CONVERSATION
    bound: Any = bindparam(name, type_=BigId)
    if db.is_sqlite:
        beyond = here & (_near.id < bound if before else _near.id > bound)
    else:
        pair, edge = tuple_(_near.conversation_id, _near.id), tuple_(_CONVERSATION, bound)
        beyond = pair < edge if before else pair > edge
    order: list[Any] = [_near.conversation_id, _near.id]
    nearest = (
        select(_near.conversation_id, _near.version)
        .where(beyond)
        .order_by(*(each.desc() if before else each for each in order))
        .limit(1)
        .subquery()
    )
    is_here = nearest.c.conversation_id == _CONVERSATION
    return select(nearest.c.version).where(is_here).scalar_subquery()


def version_since(name: str) -> Any:
    """Build the version of the conversation's first message sent at a time or later."""
    order = _near.created_at, _near.version
    return _version_by_time(_near.created_at >= bindparam(name), *order)


def version_until(name: str) -> Any:
    """Build the version of the conversation's last message sent at a time or earlier."""
    order = _near.created_at.desc(), _near.version.desc()
    return _version_by_time(_near.created_at <= bindparam(name), *order)


def _version_by_time(condition: Any, *order: Any) -> Any:
    return (
        select(_near.version)
        .where(_near.conversation_id == _CONVERSATION, condition)
        .order_by(*order)
        .limit(1)
        .scalar_subquery()
    )
