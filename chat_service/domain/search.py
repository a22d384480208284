"""Search of a conversation by sender, time and text.

In a long conversation the search index selects the messages that have all n-grams of the
text. Messages that are not indexed yet are scanned.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, and_, bindparam, select

from chat_service import errors
from chat_service.db import db
from chat_service.domain.accounts import Person, get_people
from chat_service.domain.history import long_reads
from chat_service.domain.indexing import (
    get_indexed_id,
    has_other_grams,
    select_grams,
    sort_by_rarity,
)
from chat_service.domain.messages import is_visible_to
from chat_service.domain.read_state import get_read_state
from chat_service.domain.text import fold
from chat_service.domain.version_bounds import version_near, version_since, version_until
from chat_service.models import TEXT, Message, SearchGram
from shared.data.columns import BigId
from shared.web.errors import ErrorSpec
from shared.web.streaming import Blocks

WINDOW = 2000
"""Versions, or rows of the index, that one statement reads."""
MAX_GRAMS = 6
_BATCH_SIZE = 500


class SummaryRow(NamedTuple):
    """A message as searches and lists of replies return it."""

    id: int
    type: int
    content: str
    sender_id: int
    created_at: datetime


class SummaryBlock(NamedTuple):
    """Messages, and their senders by id."""

    rows: list[SummaryRow]
    senders: Mapping[int, Person]


class Filters(NamedTuple):
    """Conditions of a search; a message must satisfy all, and None is no condition.

    Attributes:
        since: earliest time of sending.
        until: latest time of sending.
        sender_id: the sender.
        sender_name: part of the sender's name, compared without case.
        content: part of a text, compared without case.
    """

    since: datetime | None = None
    until: datetime | None = None
    sender_id: int | None = None
    sender_name: str | None = None
    content: str | None = None

    @property
    def sql_conditions(self) -> dict[str, Any]:
        """The conditions that the database checks; names and texts need `fold`."""
        conditions = {"since": self.since, "until": self.until, "sender_id": self.sender_id}
        return {name: value for name, value in conditions.items() if value is not None}


def search_messages(
    conversation_id: int, user_id: int, filters: Filters, not_member: ErrorSpec
) -> SummaryBlock | Blocks[SummaryBlock]:
    """Search a conversation, oldest messages first. Moves no read position.

    Args:
        conversation_id: the conversation.
        user_id: a member of it.
        filters: the conditions.
        not_member: the refusal of a user who is not in it.

    Returns:
        one block, or a stream of blocks if the conversation is long.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND_ZH``, ``not_member``; in long conversations
            ``TOO_MANY_REQUESTS``, ``SERVICE_UNAVAILABLE``.
    """
    not_found = errors.CONVERSATION_NOT_FOUND_ZH
    read_state = get_read_state(conversation_id, user_id, not_found, not_member)
    search = _Search(conversation_id, user_id, filters)
    first, last = search.get_span(read_state.version)
    if last - first < WINDOW:
        return search.search_versions(first, last)
    blocks: Blocks[SummaryBlock]
    [blocks] = long_reads.admit(user_id, {"messages": search.iter_blocks(first, last)}).values()
    return blocks


class _Search(NamedTuple):
    conversation_id: int
    user_id: int
    filters: Filters

    def get_span(self, version: int) -> tuple[int, int]:
        """Get the first and the last version that can match, up to ``version``."""
        since, until = self.filters.since, self.filters.until
        if version <= WINDOW or (since is None and until is None):
            return 1, version
        times = {"since": since or _MIN_TIME, "until": until or _MAX_TIME}
        first, last = db.execute(_SPAN, conversation=self.conversation_id, **times).one()
        return first or version + 1, min(last or 0, version)

    def iter_blocks(self, first: int, last: int) -> Iterator[SummaryBlock]:
        """Iterate over the matches of these versions in blocks, which may be empty."""
        grams = select_grams(self.filters.content or "")
        if grams:
            mark = get_indexed_id()
            oldest, newest, next_version = db.execute(
                _edges_query(), conversation=self.conversation_id, first=first, last=last, mark=mark
            ).one()
            if oldest is not None:
                yield from self._blocks_by_index(grams, oldest, min(newest, mark))
            first = last + 1 if next_version is None else max(first, next_version)
        for start in range(first, last + 1, WINDOW):
            self._check_access()
            yield self.search_versions(start, min(start + WINDOW - 1, last))

    def _blocks_by_index(
        self, grams: list[int], oldest: int, newest: int
    ) -> Iterator[SummaryBlock]:
        """Search the messages between these ids, all of which are in the index."""
        grams = sort_by_rarity([self.conversation_id], grams)[:MAX_GRAMS]
        parameters = {f"gram_{position}": gram for position, gram in enumerate(grams)}
        query, after, is_last = _grams_query(len(grams)), oldest - 1, False
        while not is_last:
            self._check_access()
            page = {"conversation": self.conversation_id, "after": after, "newest": newest}
            rows = db.execute(query, **parameters, **page, limit=WINDOW).all()
            is_last = len(rows) < WINDOW
            after = after if is_last else rows[-1].message_id
            ids = [row.message_id for row in rows if row.has_all]
            for start in range(0, len(ids), _BATCH_SIZE):
                yield self._search_block("by_ids", ids=ids[start : start + _BATCH_SIZE])

    def _check_access(self) -> None:
        not_found = errors.CONVERSATION_NOT_FOUND_ZH
        get_read_state(self.conversation_id, self.user_id, not_found, not_member=not_found)

    def search_versions(self, first: int, last: int) -> SummaryBlock:
        """Search the messages of these versions, in the order of versions."""
        return self._search_block("by_versions", first=first, last=last)

    def _search_block(self, scope: str, **bounds: Any) -> SummaryBlock:
        conditions = self.filters.sql_conditions
        result = db.execute(
            _messages_query(scope, frozenset(conditions), texts_only=bool(self.filters.content)),
            conversation=self.conversation_id,
            user=self.user_id,
            **bounds,
            **conditions,
        )
        rows = list(map(SummaryRow._make, result.all()))
        if self.filters.content:
            part = fold(self.filters.content)
            rows = [row for row in rows if part in fold(row.content)]
        senders = get_people({row.sender_id for row in rows})
        if self.filters.sender_name:
            part = fold(self.filters.sender_name)
            rows = [row for row in rows if part in fold(senders[row.sender_id].name)]
        return SummaryBlock(rows, senders)


_MIN_TIME, _MAX_TIME = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_SPAN = select(version_since("since"), version_until("until"))
_CONDITIONS = {
    "since": Message.created_at >= bindparam("since"),
    "until": Message.created_at <= bindparam("until"),
    "sender_id": Message.sender_id == bindparam("sender_id"),
}


_CONVERSATION = bindparam("conversation", type_=BigId)
_FIRST, _LAST = bindparam("first", type_=BigId), bindparam("last", type_=BigId)
_SCOPES = {
    "by_versions": and_(
        Message.conversation_id == _CONVERSATION,
        Message.version >= _FIRST,
        Message.version <= _LAST,
    ),
    "by_ids": Message.id.in_(bindparam("ids", expanding=True)),
}


@cache
def _messages_query(
    scope: str, conditions: frozenset[str], *, texts_only: bool
) -> Select[*tuple[Any, ...]]:
    """Build the query of the visible messages of a scope, with conditions of these names."""
    query = select(
        Message.id, Message.type, Message.content, Message.sender_id, Message.created_at
    ).where(
        _SCOPES[scope],
        is_visible_to(bindparam("user", type_=BigId)),
        *(_CONDITIONS[name] for name in sorted(conditions)),
    )
    if texts_only:
        query = query.where(Message.type == TEXT)
    return query.order_by(Message.version)


def _id_at(condition: Any, order: Any) -> Any:
    """Build the id of the conversation's first message with a condition, in an order."""
    ids = select(Message.id).where(Message.conversation_id == _CONVERSATION, condition)
    return ids.order_by(order).limit(1).scalar_subquery()


@cache
def _edges_query() -> Select[*tuple[Any, ...]]:
    """Build the query of the first and last id of a span, and the first version after an id."""
    return select(
        _id_at(Message.version >= _FIRST, Message.version),
        _id_at(Message.version <= _LAST, Message.version.desc()),
        version_near("mark"),
    )


@cache
def _grams_query(count: int) -> Select[*tuple[Any, ...]]:
    """Build the query of a page of messages with the first n-gram, and whether they have all."""
    page = (
        select(SearchGram.message_id)
        .where(
            SearchGram.conversation_id == _CONVERSATION,
            SearchGram.gram == bindparam("gram_0", type_=BigId),
            SearchGram.message_id > bindparam("after", type_=BigId),
            SearchGram.message_id <= bindparam("newest", type_=BigId),
        )
        .order_by(SearchGram.message_id)
        .limit(bindparam("limit", type_=Integer))
        .subquery()
    )
    has_all = has_other_grams(count, _CONVERSATION, page.c.message_id).label("has_all")
    return select(page.c.message_id, has_all).order_by(page.c.message_id)
