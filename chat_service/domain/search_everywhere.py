"""Finding messages over all conversations of a user, newest first, by the index.

Messages are read from the newest to the oldest of each conversation, a few at once. A message is
found for certain when every conversation has been read beyond it. What one request reads is
bounded, and the next goes on where it ended.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from heapq import heappop, heappush, nlargest
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from chat_service import errors
from chat_service.db import db
from chat_service.domain.accounts import Person, get_people
from chat_service.domain.history import long_reads
from chat_service.domain.indexing import grams_of, indexed_id, rarest_first
from chat_service.domain.read_state import get_read_state
from chat_service.domain.search import FoundRow
from chat_service.domain.search_everywhere_queries import (
    NAMES,
    grams_query,
    longest_query,
    messages_query,
    page_query,
)
from chat_service.domain.text import fold
from chat_service.models import TEXT
from shared.web.authentication import MAX_ID

MAX_READ = 100_000
"""Messages, or rows of the index, that one request reads."""
_BATCH_SIZE = 2000
_MIN_EACH = 3
"""Messages that are read of each conversation at first."""
_SHORT_STEPS = 4
"""Statements of a search that does not count as a long one."""
_MAX_GRAMS = 3
"""Pairs that the index is asked for: the rarest; texts are compared anyway."""
_RANKED_IN = 4
"""Conversations in which it is counted which pair is rare."""
_Read = Callable[[Mapping[int, int], int], tuple[list[Any], Iterable[int]]]
"""Reads so many rows before an id in each conversation: all of them, and ids of what may fit."""


class MessageSomewhere(NamedTuple):
    """A message that was found, and where."""

    message: FoundRow
    conversation_id: int
    conversation_name: str


class MessagesAnywhere(NamedTuple):
    """Messages that were found in any conversation, and their senders by id.

    There may be more before ``next_before_id``, unless it is None.
    """

    messages: list[MessageSomewhere]
    senders: Mapping[int, Person]
    next_before_id: int | None


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


def find_everywhere(user_id: int, wanted: Everywhere) -> MessagesAnywhere:
    """The messages that fit in the open conversations of a user, newest first.

    Args:
        user_id: who asks.
        wanted: what to find.

    Raises:
        ApiError: there is no such conversation; ``TOO_MANY_REQUESTS`` or ``SERVICE_UNAVAILABLE``,
            if it takes long and too many such searches run.
    """
    search = _Search(wanted, user_id)
    if wanted.conversation_id is not None:
        not_found = errors.CONVERSATION_NOT_FOUND_ZH
        get_read_state(wanted.conversation_id, user_id, not_found, not_member=not_found)
    steps = search.steps()
    if len(list(islice(steps, _SHORT_STEPS))) == _SHORT_STEPS:
        db.release()
        with closing(long_reads.admit(user_id, {"steps": steps})["steps"]) as rest:
            deque(rest, maxlen=0)
    return _with_names(search.found, search.next_before_id, user_id)


class _End(NamedTuple):
    """Before which id to go on in a conversation, and how many rows to read there at once."""

    before: int
    size: int


class _Search:
    """A search, step by step.

    Attributes:
        wanted: what to find.
        found: what was found, newest first.
        next_before_id: in the end, the id before which there may be more.
    """

    def __init__(self, wanted: Everywhere, user_id: int) -> None:
        self.wanted, self._user_id = wanted, user_id
        self.found: list[Any] = []
        self.next_before_id: int | None = None
        self._room = MAX_READ
        self._candidates: list[int] = []  # Negative ids, as a heap: the newest is the first.

    def steps(self) -> Iterator[int]:
        """Search, first what the index lacks; with every statement, the number of its rows."""
        before = MAX_ID if self.wanted.before_id is None else self.wanted.before_id
        grams = grams_of(self.wanted.content)
        mark = indexed_id() if grams else 0
        scope = {"user": self._user_id, "conversation": self.wanted.conversation_id}
        is_one = self.wanted.conversation_id is not None
        longest = db.run(longest_query(is_one=is_one), **scope).scalars().all()
        yield from self._go_back(longest, before, partial(self._read, mark))
        if grams and self.next_before_id is None:
            grams = rarest_first(longest[:_RANKED_IN], grams)[:_MAX_GRAMS]
            read = partial(self._read_index, grams)
            yield from self._go_back(longest, min(before, mark + 1), read)

    def _go_back(self, conversation_ids: Sequence[int], before: int, read: _Read) -> Iterator[int]:
        """Read backwards from an id, always where the least has been read so far."""
        size = max(_MIN_EACH, 4 * self.wanted.limit // max(1, len(conversation_ids)))
        ends = {each: _End(before, min(size, _BATCH_SIZE)) for each in conversation_ids}
        while ends and self.next_before_id is None:
            size = max(ends.values()).size
            alike = [item for item in ends.items() if item[1].size == size]
            asked = dict(nlargest(_BATCH_SIZE // size, alike, key=itemgetter(1)))
            rows, candidates = read({each: end.before for each, end in asked.items()}, size)
            counts = Counter(row.conversation_id for row in rows)
            for each in asked:
                if counts[each] < size:
                    del ends[each]
            for row in rows:
                if row.conversation_id in ends:
                    oldest = min(row.id, ends[row.conversation_id].before)
                    ends[row.conversation_id] = _End(oldest, min(4 * size, _BATCH_SIZE))
            for candidate in candidates:
                heappush(self._candidates, -candidate)
            self._room -= len(rows)
            self._look_at_candidates(max(ends.values()).before if ends else 0)
            yield len(rows)

    def _look_at_candidates(self, horizon: int) -> None:
        """Look at those that are as new as ``horizon``: all of these have been read."""
        limit = self.wanted.limit
        while self._candidates and -self._candidates[0] >= horizon and len(self.found) < limit:
            ids: list[int] = []
            while self._candidates and -self._candidates[0] >= horizon and len(ids) < 2 * limit:
                ids.append(-heappop(self._candidates))
            rows = db.run(messages_query(), user=self._user_id, ids=ids)
            self.found += filter(self.wanted.fits, rows)
        if len(self.found) >= limit:
            del self.found[limit:]
            self.next_before_id = self.found[-1].id
        elif horizon and self._room <= 0:
            self.next_before_id = horizon

    def _read(
        self, after: int, positions: Mapping[int, int], size: int
    ) -> tuple[list[Any], Iterable[int]]:
        """The next messages of each conversation, and which of them fit."""
        bounds = {"positions": positions, "after": after, "limit": size}
        rows = list(db.run(page_query(), **bounds))
        return rows, (row.id for row in rows if self.wanted.fits(row))

    def _read_index(
        self, grams: Sequence[int], positions: Mapping[int, int], size: int
    ) -> tuple[list[Any], Iterable[int]]:
        """The next rows of the index of each conversation, and which have all of these pairs."""
        named = {f"gram_{position}": gram for position, gram in enumerate(grams)}
        rows = list(db.run(grams_query(len(grams)), **named, positions=positions, limit=size))
        return rows, (row.id for row in rows if row.has_all)


def _with_names(rows: list[Any], next_before_id: int | None, user_id: int) -> MessagesAnywhere:
    ids = {row.conversation_id for row in rows}
    conversations = db.run(NAMES, user=user_id, ids=list(ids)).all() if ids else []
    friends = {row.id: row.friend_id for row in conversations if row.friend_id is not None}
    people = get_people({row.sender_id for row in rows} | set(friends.values()))
    names = {row.id: row.name for row in conversations}
    names |= {id_: people[friend_id].name for id_, friend_id in friends.items()}
    return MessagesAnywhere(
        [
            MessageSomewhere(
                FoundRow(row.id, row.type, row.content, row.sender_id, row.created_at),
                row.conversation_id,
                names[row.conversation_id],
            )
            for row in rows
        ],
        people,
        next_before_id,
    )
