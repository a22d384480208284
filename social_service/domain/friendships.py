"""Friendships: the row of a pair of users, which also locks changes of the pair."""

from collections.abc import Sequence

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
    """Select the ids of a user's friends."""
    return union_all(
        select(Friendship.high_id.label("id")).where(
            Friendship.active, Friendship.low_id == user_id
        ),
        select(Friendship.low_id.label("id")).where(
            Friendship.active, Friendship.high_id == user_id
        ),
    )


def is_friend_of(user_id: BindParameter[int], other_id: SQLColumnExpression[int]) -> Exists:
    """Build the SQL condition that two users are friends."""
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
    """Whether two users are friends."""
    return bool(db.execute(_ARE_FRIENDS, user=user_id, other=other_id).scalar_one())


def list_friendships(friendship_id: int, limit: int) -> Sequence[AnyRow]:
    """List a page of all friendships, also ended ones, by id."""
    page = select_friendships().where(Friendship.id > friendship_id)
    return db.session.execute(page.order_by(Friendship.id).limit(limit)).all()


def select_friendships() -> Select[int, int, int, bool, int]:
    """Select the states of all friendships, also ended ones."""
    return select(
        Friendship.id,
        Friendship.low_id,
        Friendship.high_id,
        Friendship.active,
        Friendship.version,
    ).where(Friendship.version > 0)


def ensure_pair(user_id: int, other_id: int) -> None:
    """Ensure the row of a pair; concurrent calls are safe."""
    low_id, high_id = sorted((user_id, other_id))
    db.session.execute(
        db.insert(Friendship)
        .values(low_id=low_id, high_id=high_id, active=False, version=0)
        .on_conflict_do_nothing(index_elements=["low_id", "high_id"])
    )


def lock_pair(user_id: int, other_id: int) -> Friendship | None:
    """Lock the row of a pair for the transaction; None if there was never a request."""
    low_id, high_id = sorted((user_id, other_id))
    pair: Friendship | None = db.session.scalars(
        select(Friendship)
        .where(Friendship.low_id == low_id, Friendship.high_id == high_id)
        .with_for_update()
    ).one_or_none()
    return pair


def lock_batch(user_id: int, limit: int) -> Sequence[Friendship]:
    """Lock at most ``limit`` rows of a user's friendships for the transaction."""
    pairs: Sequence[Friendship] = db.session.scalars(
        select(Friendship)
        .where(Friendship.active, or_(Friendship.low_id == user_id, Friendship.high_id == user_id))
        .order_by(Friendship.id)
        .limit(limit)
        .with_for_update()
    ).all()
    return pairs


def activate(pair: Friendship) -> None:
    """Start the friendship of a locked pair, and notify chat."""
    _change(pair, active=True)


def deactivate(pair: Friendship) -> None:
    """End the friendship of a locked pair, and notify chat."""
    _change(pair, active=False)


def _change(pair: Friendship, *, active: bool) -> None:
    pair.active = active
    pair.version += 1
    outbox.add(friendship_changed(pair))
