"""Finding messages over all conversations of a user, newest first, by the index."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, bindparam, select, true
from sqlalchemy.orm import aliased

from chat_service import errors
from chat_service.db import db
from chat_service.domain.accounts import people
from chat_service.domain.conversations import FRIEND_ID
from chat_service.domain.indexing import grams_of, indexed_id, rarest_first
from chat_service.domain.messages import visible_to
from chat_service.domain.reading import place_of
from chat_service.domain.search import shown_when_found
from chat_service.domain.text import fold
from chat_service.models import TEXT, Conversation, Membership, Message, SearchGram
from shared.data.db import BigId
from shared.web.authentication import MAX_ID

MAX_LOOKED_THROUGH = 100_000
"""Messages that are looked through for a single character, which no index has."""
_WINDOW = 2000
_MIN_EACH, _MAX_EACH = 3, 500
"""Messages that are asked for of each conversation at once."""
_MAX_GRAMS = 3
"""Pairs that the index is asked for: the rarest; texts are compared anyway."""
_RANKED_IN = 4
"""Conversations in which it is counted which pair is rare."""


class Everywhere(NamedTuple):
    """What to find.

    Attributes:
        content: is contained in the text, in whatever case.
        conversation_id: only there.
        sender_id: only this person's.
        since: only those sent then or later.
        until: only those sent then or earlier.
        before_id: only those before this one.
        limit: at most so many.
    """

    content: str
    limit: int
    conversation_id: int | None = None
    sender_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None

    def fits(self, row: Any) -> bool:
        """Whether a message is wanted."""
        return (
            row.type == TEXT
            and (self.sender_id is None or row.sender_id == self.sender_id)
            and (self.since is None or row.created_at >= self.since)
            and (self.until is None or row.created_at <= self.until)
            and fold(self.content) in fold(row.content)
        )


def find_everywhere(user_id: int, base: str, **wanted: Any) -> list[dict[str, Any]]:
    """The messages that fit in the open conversations of a user, newest first.

    Args:
        user_id: who asks.
        base: the public base of the request.
        wanted: see `Everywhere`.
    """
    search = Everywhere(**wanted)
    if search.conversation_id is not None:
        unknown = errors.CONVERSATION_NOT_FOUND_ZH
        place_of(search.conversation_id, user_id, unknown, not_in_it=unknown)
    found: list[Any] = []
    for rows in _candidates(search, user_id):
        found += (row for row in rows if search.fits(row))
        if len(found) >= search.limit:
            break
    return _shown(found[: search.limit], user_id, base)


def _candidates(search: Everywhere, user_id: int) -> Iterator[list[Any]]:
    """Messages that may fit, newest first: those that the index lacks, then those that it has."""
    before = MAX_ID if search.before_id is None else search.before_id
    grams = grams_of(search.content)
    mark = indexed_id() if grams else 0
    scope = {"user": user_id, "conversation": search.conversation_id}
    is_one = search.conversation_id is not None
    is_last, oldest, room = False, before, MAX_LOOKED_THROUGH
    while not is_last:
        rows = db.run(_tail_query(is_one=is_one), **scope, after=mark, before=oldest).all()
        yield list(rows)
        room -= len(rows)
        is_last = len(rows) < _WINDOW or (not grams and room <= 0)
        oldest = rows[-1].id if rows else oldest
    if grams:
        yield from _by_index(grams, min(before, mark + 1), search.limit, scope)


def _by_index(
    grams: list[int], before: int, limit: int, scope: dict[str, Any]
) -> Iterator[list[Any]]:
    """Messages before an id that have these pairs of characters, newest first.

    Of each conversation the newest few are asked for. What is older than the oldest of one that
    had more is left to the next round, which asks for more of each.
    """
    is_one = scope["conversation"] is not None
    longest = db.run(_longest_query(is_one=is_one), **scope).scalars().all()
    grams = rarest_first(longest[:_RANKED_IN], grams)[:_MAX_GRAMS]
    named = {f"gram_{place}": gram for place, gram in enumerate(grams)}
    query = _grams_query(len(grams), is_one=is_one)
    size = max(_MIN_EACH, 4 * limit // max(1, len(longest)))
    while longest:
        rows = db.run(query, **scope, **named, before=before, limit=size).all()
        counts = Counter(row.conversation_id for row in rows)
        oldest = {row.conversation_id: row.message_id for row in rows}
        cut_off = [oldest[each] for each, count in counts.items() if count == size]
        horizon = max(cut_off, default=0)
        ids = [row.message_id for row in rows if row.message_id >= horizon]
        for start in range(0, len(ids), 2 * limit):
            found = db.run(
                _messages_query(), user=scope["user"], ids=ids[start : start + 2 * limit]
            )
            yield list(found)
        if not cut_off:
            break
        before, size = horizon, min(4 * size, _MAX_EACH)


def _id(name: str) -> Any:
    return bindparam(name, type_=BigId)


def _conversations(*, is_one: bool) -> Select[*tuple[Any, ...]]:
    """The ids of the conversations to search."""
    mine = (
        select(Membership.conversation_id)
        .join(Conversation, Conversation.id == Membership.conversation_id)
        .where(Membership.user_id == _id("user"), Conversation.is_open)
    )
    return mine.where(Conversation.id == _id("conversation")) if is_one else mine


_FIELDS = (
    Message.id,
    Message.type,
    Message.content,
    Message.sender_id,
    Message.created_at,
    Message.conversation_id,
)


@cache
def _tail_query(*, is_one: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(*_FIELDS)
        .where(
            Message.id > _id("after"),
            Message.id < _id("before"),
            Message.conversation_id.in_(_conversations(is_one=is_one)),
            visible_to(_id("user")),
        )
        .order_by(Message.id.desc())
        .limit(_WINDOW)
    )


@cache
def _longest_query(*, is_one: bool) -> Select[*tuple[Any, ...]]:
    """The ids of the conversations to search, the longest first."""
    mine = _conversations(is_one=is_one)
    return mine.order_by(Conversation.last_seq.desc())


@cache
def _grams_query(count: int, *, is_one: bool) -> Select[*tuple[Any, ...]]:
    """The newest messages of each conversation that have some pairs of characters, by id."""
    mine = _conversations(is_one=is_one).subquery()
    first, outer = aliased(SearchGram), aliased(SearchGram)
    has_others = (
        # No EXISTS, for which PostgreSQL might gather all messages that have the pair.
        select(each.message_id)
        .where(
            each.conversation_id == first.conversation_id,
            each.gram == _id(f"gram_{place}"),
            each.message_id == first.message_id,
        )
        .scalar_subquery()
        .is_not(None)
        for place, each in enumerate((aliased(SearchGram) for _ in range(count - 1)), 1)
    )
    page = (
        select(first.message_id)
        .where(
            first.conversation_id == mine.c.conversation_id,
            first.gram == _id("gram_0"),
            first.message_id < _id("before"),
            *has_others,
        )
        .order_by(first.message_id.desc())
        .limit(bindparam("limit", type_=Integer))
        .correlate(mine)
    )
    if not db.is_sqlite:
        ids = page.lateral()
        query = select(mine.c.conversation_id, ids.c.message_id).select_from(mine)
        return query.join(ids, true()).order_by(ids.c.message_id.desc())
    joined = (
        select(outer.conversation_id, outer.message_id)
        .select_from(mine)
        .join(
            outer,
            (outer.conversation_id == mine.c.conversation_id)
            & (outer.gram == _id("gram_0"))
            & outer.message_id.in_(page),
        )
    )
    return joined.order_by(outer.message_id.desc())


@cache
def _messages_query() -> Select[*tuple[Any, ...]]:
    return (
        select(*_FIELDS)
        .where(Message.id.in_(bindparam("ids", expanding=True)), visible_to(_id("user")))
        .order_by(Message.id.desc())
    )


def _shown(rows: list[Any], user_id: int, base: str) -> list[dict[str, Any]]:
    ids = {row.conversation_id for row in rows}
    conversations = (
        {row.id: row for row in db.run(_NAMES, user=user_id, ids=list(ids))} if ids else {}
    )
    friends = {row.friend_id for row in conversations.values()} - {None}
    persons = people({row.sender_id for row in rows} | friends, base)
    return [
        {
            **shown_when_found(row, persons, base),
            "conversation_id": row.conversation_id,
            "conversation_name": persons[conversation.friend_id].name
            if conversation.friend_id
            else conversation.name,
        }
        for row in rows
        for conversation in [conversations[row.conversation_id]]
    ]


_NAMES = select(Conversation.id, Conversation.name, FRIEND_ID.label("friend_id")).where(
    Conversation.id.in_(bindparam("ids", expanding=True))
)
