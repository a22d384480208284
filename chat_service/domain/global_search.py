"""Search of all conversations of a user, newest messages first, with the search index.

Each conversation is read backwards in steps. A match is final once all conversations have been
read beyond it. One request reads a bounded number of rows, and the next continues from there.
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
from chat_service.domain.global_search_queries import (
    NAMES,
    grams_query,
    longest_query,
    messages_query,
    page_query,
)
from chat_service.domain.history import long_reads
from chat_service.domain.indexing import get_indexed_id, select_grams, sort_by_rarity
from chat_service.domain.read_state import get_read_state
from chat_service.domain.search import SummaryRow
from chat_service.domain.text import fold
from chat_service.models import TEXT
from shared.web.authentication import MAX_ID

MAX_READ = 100_000
"""Messages, or rows of the index, that one request reads."""
_BATCH_SIZE = 2000
_MIN_EACH = 2
"""Messages that are read of each conversation at first."""
_SHORT_STEPS = 4
"""A search with more statements counts as a long one."""
_MAX_GRAMS = 2
"""N-grams looked up in the index: the rarest ones. The texts are compared afterwards."""
_RANKED_IN = 4
"""Conversations in which the n-grams are counted."""
_Read = Callable[[Mapping[int, int], int], tuple[list[Any], Iterable[int]]]
"""Reads up to a number of rows before a position in each conversation.

Returns the rows, and the ids of messages that may match.
"""


class SearchHit(NamedTuple):
    """A match, and its conversation."""

    message: SummaryRow
    conversation_id: int
    conversation_name: str


class SearchPage(NamedTuple):
    """A page of matches, and their senders by id.

    The next page starts before ``next_before_id``; None on the last page.
    """

    messages: list[SearchHit]
    senders: Mapping[int, Person]
    next_before_id: int | None


class SearchQuery(NamedTuple):
    """Conditions of a search of all conversations; None is no condition.

    Attributes:
        content: part of the text, compared without case.
        limit: maximum number of matches.
        conversation_id: the only conversation to search.
        sender_id: the sender.
        since: earliest time of sending.
        until: latest time of sending.
        before_id: exclusive upper bound of message ids.
    """

    content: str
    limit: int
    conversation_id: int | None = None
    sender_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None

    def matches(self, row: Any) -> bool:
        """Whether a message satisfies all conditions that queries do not check."""
        return (
            row.type == TEXT
            and (self.sender_id is None or row.sender_id == self.sender_id)
            and (self.since is None or row.created_at >= self.since)
            and (self.until is None or row.created_at <= self.until)
            and fold(self.content) in fold(row.content)
        )


def search_all_conversations(user_id: int, query: SearchQuery) -> SearchPage:
    """Search the open conversations of a user, newest messages first.

    Args:
        user_id: the user.
        query: the conditions.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND_ZH``; for long searches ``TOO_MANY_REQUESTS``,
            ``SERVICE_UNAVAILABLE``.
    """
    search = _Search(query, user_id)
    if query.conversation_id is not None:
        not_found = errors.CONVERSATION_NOT_FOUND_ZH
        get_read_state(query.conversation_id, user_id, not_found, not_member=not_found)
    steps = search.run_steps()
    if len(list(islice(steps, _SHORT_STEPS))) == _SHORT_STEPS:
        db.release()
        with closing(long_reads.admit(user_id, {"steps": steps})["steps"]) as rest:
            deque(rest, maxlen=0)
    return _with_names(search.matches, search.next_before_id, user_id)


class _Position(NamedTuple):
    """The id before which a conversation is read next, and the number of rows to read."""

    before: int
    size: int


class _Search:
    """A search that runs in steps.

    Attributes:
        matches: rows of matching messages, newest first.
        next_before_id: set at the end of a page that is not the last one.
    """

    def __init__(self, query: SearchQuery, user_id: int) -> None:
        self._query, self._user_id = query, user_id
        self.matches: list[Any] = []
        self.next_before_id: int | None = None
        self._room = MAX_READ
        self._candidates: list[int] = []  # A heap of negative ids: the newest is the first.

    def run_steps(self) -> Iterator[int]:
        """Search messages that are not indexed, then the index.

        Yields:
            the number of rows of each statement.
        """
        query = self._query
        before = MAX_ID if query.before_id is None else query.before_id
        grams = select_grams(query.content)
        mark = get_indexed_id() if grams else 0
        scope = {"user": self._user_id, "conversation": query.conversation_id}
        is_one = query.conversation_id is not None
        longest = db.execute(longest_query(is_one=is_one), **scope).scalars().all()
        yield from self._read_backwards(longest, before, partial(self._read, mark))
        if grams and self.next_before_id is None:
            grams = sort_by_rarity(longest[:_RANKED_IN], grams)[:_MAX_GRAMS]
            read = partial(self._read_index, grams)
            yield from self._read_backwards(longest, min(before, mark + 1), read)

    def _read_backwards(
        self, conversation_ids: Sequence[int], before: int, read: _Read
    ) -> Iterator[int]:
        """Read backwards from an id, first the conversations with the newest position."""
        size = max(_MIN_EACH, 4 * self._query.limit // max(1, len(conversation_ids)))
        ends = {each: _Position(before, min(size, _BATCH_SIZE)) for each in conversation_ids}
        while ends and self.next_before_id is None:
            size = max(ends.values()).size
            same_size = [item for item in ends.items() if item[1].size == size]
            batch = dict(nlargest(_BATCH_SIZE // size, same_size, key=itemgetter(1)))
            rows, candidates = read({each: end.before for each, end in batch.items()}, size)
            counts = Counter(row.conversation_id for row in rows)
            for each in batch:
                if counts[each] < size:
                    del ends[each]
            for row in rows:
                if row.conversation_id in ends:
                    oldest = min(row.id, ends[row.conversation_id].before)
                    ends[row.conversation_id] = _Position(oldest, min(4 * size, _BATCH_SIZE))
            for candidate in candidates:
                heappush(self._candidates, -candidate)
            self._room -= len(rows)
            self._check_candidates(max(ends.values()).before if ends else 0)
            yield len(rows)

    def _check_candidates(self, horizon: int) -> None:
        """Fetch and compare candidates down to ``horizon``: all conversations are read to it."""
        limit = self._query.limit
        while self._candidates and -self._candidates[0] >= horizon and len(self.matches) < limit:
            ids: list[int] = []
            while self._candidates and -self._candidates[0] >= horizon and len(ids) < 2 * limit:
                ids.append(-heappop(self._candidates))
            rows = db.execute(messages_query(), user=self._user_id, ids=ids)
            self.matches += filter(self._query.matches, rows)
        if len(self.matches) >= limit:
            del self.matches[limit:]
            self.next_before_id = self.matches[-1].id
        elif horizon and self._room <= 0:
            self.next_before_id = horizon

    def _read(
        self, after: int, positions: Mapping[int, int], size: int
    ) -> tuple[list[Any], Iterable[int]]:
        """Read the next messages of each conversation; the candidates match already."""
        bounds = {"positions": positions, "after": after, "limit": size}
        rows = list(db.execute(page_query(), **bounds))
        return rows, (row.id for row in rows if self._query.matches(row))

    def _read_index(
        self, grams: Sequence[int], positions: Mapping[int, int], size: int
    ) -> tuple[list[Any], Iterable[int]]:
        """Read the next rows of the index of each conversation; candidates have all n-grams."""
        named = {f"gram_{position}": gram for position, gram in enumerate(grams)}
        rows = list(db.execute(grams_query(len(grams)), **named, positions=positions, limit=size))
        return rows, (row.id for row in rows if row.has_all)


def _with_names(rows: list[Any], next_before_id: int | None, user_id: int) -> SearchPage:
    """Add names to matches, without those in conversations that the user has lost meanwhile."""
    ids = {row.conversation_id for row in rows}
    conversations = db.execute(NAMES, user=user_id, ids=list(ids)).all() if ids else []
    names = {row.id: row.name for row in conversations}
    rows = [row for row in rows if row.conversation_id in names]
    friends = {row.id: row.friend_id for row in conversations if row.friend_id is not None}
    people = get_people({row.sender_id for row in rows} | set(friends.values()))
    names |= {id_: people[friend_id].name for id_, friend_id in friends.items()}
    return SearchPage(
        [
            SearchHit(
                SummaryRow(row.id, row.type, row.content, row.sender_id, row.created_at),
                row.conversation_id,
                names[row.conversation_id],
            )
            for row in rows
        ],
        people,
        next_before_id,
    )
