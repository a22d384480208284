"""Finding messages of a conversation by who sent them, when, and what they say."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select

from chat_service import errors
from chat_service.db import db
from chat_service.domain.accounts import Person, people
from chat_service.domain.history import long_reads, version_since, version_until
from chat_service.domain.messages import content_shown, visible_to
from chat_service.domain.reading import place_of
from chat_service.domain.text import fold
from chat_service.models import TEXT, Message
from shared.db import BigId
from shared.errors import ErrorSpec

WINDOW = 2000
"""Versions that are looked through by one statement."""


class Filters(NamedTuple):
    """What messages must be: all of these, and None is no condition.

    Attributes:
        since: sent then or later.
        until: sent then or earlier.
        sender_id: this person's.
        sender_name: of people whose names contain this, in whatever case.
        content: texts that contain this, in whatever case.
    """

    since: datetime | None = None
    until: datetime | None = None
    sender_id: int | None = None
    sender_name: str | None = None
    content: str | None = None

    @property
    def in_sql(self) -> dict[str, Any]:
        """Those that the database looks after; names and texts are compared by `fold` alone."""
        named = {"since": self.since, "until": self.until, "sender_id": self.sender_id}
        return {name: value for name, value in named.items() if value is not None}


def messages_found(
    conversation_id: int, user_id: int, base: str, not_in_it: ErrorSpec, **filters: Any
) -> dict[str, Any]:
    """The messages of a conversation that fit, oldest first. Finding is not reading.

    Args:
        conversation_id: the conversation.
        user_id: somebody in it.
        base: the public base of the request.
        not_in_it: how somebody who is not in it is refused.
        filters: those of `Filters`.

    Returns:
        ``messages``, which are `Blocks` if the conversation is long.
    """
    not_found = errors.CONVERSATION_NOT_FOUND_ZH
    place = place_of(conversation_id, user_id, not_found, not_in_it)
    search = _Search(conversation_id, user_id, base, Filters(**filters))
    first, last = search.span(place.version)
    if last - first < WINDOW:
        return {"messages": search.found(first, last)}
    return long_reads.admit(user_id, {"messages": search.blocks(first, last)})


class _Search(NamedTuple):
    conversation_id: int
    user_id: int
    base: str
    filters: Filters

    def span(self, version: int) -> tuple[int, int]:
        """The first and the last version of what may fit, of those up to ``version``."""
        since, until = self.filters.since, self.filters.until
        if version <= WINDOW or (since is None and until is None):
            return 1, version
        times = {"since": since or _EVER, "until": until or _NEVER}
        first, last = db.run(_SPAN, conversation=self.conversation_id, **times).one()
        return first or version + 1, min(last or 0, version)

    def blocks(self, first: int, last: int) -> Iterator[list[dict[str, Any]]]:
        """What is found, window by window; in many there may be nothing."""
        not_found = errors.CONVERSATION_NOT_FOUND_ZH
        for start in range(first, last + 1, WINDOW):
            place_of(self.conversation_id, self.user_id, not_found, not_in_it=not_found)
            yield self.found(start, min(start + WINDOW - 1, last))

    def found(self, first: int, last: int) -> list[dict[str, Any]]:
        """What is found among the messages of these versions, in the order of versions."""
        given = self.filters.in_sql
        found = db.run(
            _window_query(frozenset(given), texts_only=bool(self.filters.content)),
            conversation=self.conversation_id,
            user=self.user_id,
            first=first,
            last=last,
            **given,
        )
        rows: list[Any] = list(found)
        if self.filters.content:
            wanted = fold(self.filters.content)
            rows = [row for row in rows if wanted in fold(row.content)]
        senders = people({row.sender_id for row in rows}, self.base)
        if self.filters.sender_name:
            wanted = fold(self.filters.sender_name)
            rows = [row for row in rows if wanted in fold(senders[row.sender_id].name)]
        return [shown_when_found(row, senders, self.base) for row in rows]


_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_SPAN = select(version_since("since"), version_until("until"))
_CONDITIONS = {
    "since": Message.created_at >= bindparam("since"),
    "until": Message.created_at <= bindparam("until"),
    "sender_id": Message.sender_id == bindparam("sender_id"),
}


@cache
def _window_query(conditions: frozenset[str], *, texts_only: bool) -> Select[*tuple[Any, ...]]:
    """The messages of some versions that somebody sees, with conditions of these names."""
    query = select(
        Message.id, Message.type, Message.content, Message.sender_id, Message.created_at
    ).where(
        Message.conversation_id == bindparam("conversation", type_=BigId),
        Message.version >= bindparam("first", type_=BigId),
        Message.version <= bindparam("last", type_=BigId),
        visible_to(bindparam("user", type_=BigId)),
        *(_CONDITIONS[name] for name in sorted(conditions)),
    )
    if texts_only:
        query = query.where(Message.type == TEXT)
    return query.order_by(Message.version)


def shown_when_found(row: Any, senders: Mapping[int, Person], base: str) -> dict[str, Any]:
    """A message as searches show it."""
    sender_name, sender_avatar = senders[row.sender_id]
    return {
        "id": row.id,
        "type": row.type,
        "sender_id": row.sender_id,
        "sender_name": sender_name,
        "sender_avatar": sender_avatar,
        "content": content_shown(base, row.type, row.content),
        "timestamp": row.created_at,
    }
