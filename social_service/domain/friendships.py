"""Pairs of people: who is friends with whom, and the lock that changes of it take."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Exists,
    Select,
    SQLColumnExpression,
    and_,
    bindparam,
    or_,
    select,
    union_all,
)

from shared.data.columns import BigId
from social_service.db import AnyRow, db
from social_service.domain.outbox import friendship_changed, outbox
from social_service.models import Friendship

USER = bindparam("user", type_=BigId)


def friend_ids_of(user_id: BindParameter[int]) -> CompoundSelect[int]:
    """Select the ids of a person's friends."""
    return union_all(
        select(Friendship.high_id.label("id")).where(
            Friendship.active, Friendship.low_id == user_id
        ),
        select(Friendship.low_id.label("id")).where(
            Friendship.active, Friendship.high_id == user_id
        ),
    )


def is_friend_of(user_id: BindParameter[int], other_id: SQLColumnExpression[int]) -> Exists:
    """Whether a person is friends with another, in SQL."""
    return (
        select(Friendship.id)
        .where(
            Friendship.active,
            or_(
                and_(Friendship.low_id == user_id, Friendship.high_id == other_id),
                and_(Friendship.low_id == other_id, Friendship.high_id == user_id),
            ),
        )
        .exists()
    )


_ARE_FRIENDS = select(is_friend_of(USER, bindparam("other", type_=BigId)))


def are_friends(user_id: int, other_id: int) -> bool:
    """Whether two people are friends now."""
    return bool(db.run(_ARE_FRIENDS, user=user_id, other=other_id).scalar_one())


def list_friendships(friendship_id: int, limit: int) -> Sequence[AnyRow]:
    """A page of all friendships that ever began, by id."""
    page = select_friendships().where(Friendship.id > friendship_id)
    return db.session.execute(page.order_by(Friendship.id).limit(limit)).all()


def select_friendships() -> Select[int, int, int, bool, int]:
    """Select the states of all friendships that ever began."""
    return select(
        Friendship.id,
        Friendship.low_id,
        Friendship.high_id,
        Friendship.active,
        Friendship.version,
    ).where(Friendship.version > 0)


def ensure_pair(session: Any, user_id: int, other_id: int) -> None:
    """Have the row of a pair, whoever else makes it at this moment."""
    low_id, high_id = sorted((user_id, other_id))
    session.execute(
        db.insert(Friendship)
        .values(low_id=low_id, high_id=high_id, active=False, version=0)
        .on_conflict_do_nothing(index_elements=["low_id", "high_id"])
    )


def lock_pair(session: Any, user_id: int, other_id: int) -> Friendship | None:
    """The row of a pair, held until the transaction ends; None if neither ever asked the other."""
    low_id, high_id = sorted((user_id, other_id))
    pair: Friendship | None = session.scalars(
        select(Friendship)
        .where(Friendship.low_id == low_id, Friendship.high_id == high_id)
        .with_for_update()
    ).one_or_none()
    return pair


def lock_batch(session: Any, user_id: int, limit: int) -> Sequence[Friendship]:
    """Rows of a person's friends, ``limit`` of them, held until the transaction ends."""
    pairs: Sequence[Friendship] = session.scalars(
        select(Friendship)
        .where(Friendship.active, or_(Friendship.low_id == user_id, Friendship.high_id == user_id))
        .order_by(Friendship.id)
        .limit(limit)
        .with_for_update()
    ).all()
    return pairs


def begin(session: Any, pair: Friendship) -> None:
    """Make a locked pair friends, and tell chat."""
    _change(session, pair, active=True)


def end(session: Any, pair: Friendship) -> None:
    """Make a locked pair friends no more, and tell chat."""
    _change(session, pair, active=False)


def _change(session: Any, pair: Friendship, *, active: bool) -> None:
    pair.active = active
    pair.version += 1
    outbox.add(session, friendship_changed(pair))
