"""List the messages of a conversation: all, a page, or those since a version.

Ids, times, numbers and versions of a conversation's messages have the same order. Every bound is
converted to a bound of versions, so that all pages are read along one index.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, bindparam, func, select

from chat_service import errors
from chat_service.db import db
from chat_service.domain.messages import (
    MESSAGES,
    MessageBlock,
    MessageRow,
    PairReads,
    is_visible_to,
    to_message_rows,
    with_senders,
)
from chat_service.domain.read_state import ReadState, get_read_state, mark_read_up_to
from chat_service.domain.version_bounds import version_near, version_since
from chat_service.models import Deletion, Message
from shared.data.columns import BigId
from shared.web.authentication import MAX_ID
from shared.web.streaming import Blocks, StreamLimit

MAX_WHOLE = 1000
"""Longer responses are streamed in blocks."""
BLOCK_SIZE = 500
_IDS_IN_A_BLOCK = 10_000

long_reads = StreamLimit(max_per_user=2, max_in_all=16)


class MessagePage(NamedTuple):
    """Messages of a conversation, oldest first.

    Attributes:
        messages: one block, or a stream of blocks.
        deleted_ids: ids of the messages deleted between ``after_version`` and ``version``; a list,
            or a stream of lists.
        version: the version up to which both are complete.
    """

    messages: MessageBlock | Blocks[MessageBlock]
    deleted_ids: list[int] | Blocks[list[int]]
    version: int


class Bounds(NamedTuple):
    """Bounds of a list of messages; a message must satisfy all, and None is no bound.

    Attributes:
        since: earliest time of sending.
        before_id: exclusive upper bound; the message may be deleted.
        after_id: exclusive lower bound; the message may be deleted.
        after_version: exclusive lower bound by version of the conversation.
    """

    since: datetime | None = None
    before_id: int | None = None
    after_id: int | None = None
    after_version: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The bounds that are not None, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    @property
    def has_lower(self) -> bool:
        """Whether there is a lower bound."""
        return bool(self.parameters.keys() - {"before_id"})


def list_messages(
    conversation_id: int,
    user_id: int,
    bounds: Bounds,
    *,
    limit: int | None = None,
    marks_read: bool = True,
) -> MessagePage:
    """List the messages of a conversation, oldest first, and mark them as read.

    Args:
        conversation_id: an open conversation.
        user_id: a member of it.
        bounds: bounds of the list.
        limit: the size of a page: the newest messages, or the oldest if there is a lower bound.
        marks_read: whether the read position advances to the newest message of the list.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND_ZH``, ``NOT_IN_CONVERSATION_ZH``; for long lists
            ``TOO_MANY_REQUESTS``, ``SERVICE_UNAVAILABLE``.
    """
    read_state = get_read_state(
        conversation_id, user_id, errors.CONVERSATION_NOT_FOUND_ZH, errors.NOT_IN_CONVERSATION_ZH
    )
    return _History(conversation_id, user_id, read_state, marks_read).list_page(bounds, limit)


class _History(NamedTuple):
    """A member's view of a conversation, up to its current version.

    Versions are assigned under the conversation's lock, so all up to this one are committed.
    """

    conversation_id: int
    user_id: int
    read_state: ReadState
    marks_read: bool

    def list_page(self, bounds: Bounds, limit: int | None) -> MessagePage:
        """See `list_messages`."""
        read_state, after_version = self.read_state, bounds.after_version
        has_news = after_version is None or after_version < read_state.version
        from_newest = limit is not None and not bounds.has_lower
        rows = self._fetch_rows(bounds, limit or MAX_WHOLE + 1, from_newest) if has_news else []
        if from_newest:
            rows.reverse()
        is_long = limit is None and len(rows) > MAX_WHOLE
        more_follow = bounds.has_lower and len(rows) == limit
        version = (
            rows[-1].version if more_follow and after_version is not None else read_state.version
        )
        page = long_reads.admit(
            self.user_id,
            {
                "messages": self._iter_blocks(bounds, rows) if is_long else self._make_block(rows),
                "deleted_ids": self._list_deleted_ids(after_version, version) if has_news else [],
                "version": version,
            },
        )
        if not is_long:
            self._mark_read(bounds, rows, more_follow)
        return MessagePage(**page)

    def _fetch_rows(
        self, bounds: Bounds, limit: int, from_newest: bool = False
    ) -> list[MessageRow]:
        return to_message_rows(
            db.execute(
                _messages_query(frozenset(bounds.parameters), newest_first=from_newest),
                conversation=self.conversation_id,
                user=self.user_id,
                version=self.read_state.version,
                limit=limit,
                **bounds.parameters,
            )
        )

    def _iter_blocks(self, bounds: Bounds, rows: list[MessageRow]) -> Iterator[MessageBlock]:
        """Stream all messages, beginning with these rows, and mark them as read at the end."""
        newest: list[MessageRow] = []
        while True:
            newest, is_last = rows[-1:] or newest, len(rows) < BLOCK_SIZE
            block = self._make_block(rows)
            rows = []
            yield block
            if is_last:
                break
            self._check_access()
            rows = self._fetch_rows(bounds._replace(after_version=newest[0].version), BLOCK_SIZE)
        self._mark_read(bounds, newest, more_follow=False)

    def _check_access(self) -> None:
        not_found = errors.CONVERSATION_NOT_FOUND_ZH
        get_read_state(self.conversation_id, self.user_id, not_found, not_member=not_found)

    def _make_block(self, rows: list[MessageRow]) -> MessageBlock:
        read_state, reads = self.read_state, None
        if read_state.friend_read_seq is not None:
            own_read_seq = read_state.last_seq if self.marks_read else read_state.read_seq
            reads = PairReads(self.user_id, own_read_seq, read_state.friend_read_seq)
        return with_senders(rows, reads)

    def _list_deleted_ids(self, after: int | None, until: int) -> list[int] | Iterator[list[int]]:
        """List the ids of the messages deleted between two versions."""
        if after is None:
            return []
        blocks = self._iter_deleted_ids(after, until)
        first = next(blocks)
        return first if len(first) < _IDS_IN_A_BLOCK else chain([first], blocks)

    def _iter_deleted_ids(self, after: int, until: int) -> Iterator[list[int]]:
        is_last = False
        while not is_last:
            rows = db.execute(
                _DELETIONS, conversation=self.conversation_id, after=after, version=until
            ).all()
            is_last = len(rows) < _IDS_IN_A_BLOCK
            after = after if is_last else rows[-1].version
            yield [row.message_id for row in rows]

    def _mark_read(self, bounds: Bounds, rows: list[MessageRow], more_follow: bool) -> None:
        """Mark ``rows`` as read, and the deleted messages after them."""
        if not self.marks_read:
            return
        reaches_end = (
            bounds.before_id is None and not more_follow and bool(rows or not bounds.has_lower)
        )
        seq = self.read_state.last_seq if reaches_end else rows[-1].seq if rows else 0
        with db.outages_logged("read positions"):  # Reading still works when the disk is full.
            mark_read_up_to(self.conversation_id, self.user_id, seq, self.read_state)


_CONVERSATION = bindparam("conversation", type_=BigId)


def _id(name: str) -> Any:
    return bindparam(name, type_=BigId)


_LOWER: dict[str, Callable[[str], Any]] = {
    "since": lambda name: func.coalesce(version_since(name), MAX_ID),
    "after_id": lambda name: func.coalesce(version_near(name), MAX_ID),
    "after_version": lambda name: _id(name) + 1,
}


@cache
def _messages_query(bounds: frozenset[str], *, newest_first: bool) -> Select[*tuple[Any, ...]]:
    """Build the query of the messages that a member sees, within bounds of these names.

    SQLite uses its index for the first of several lower (or upper) bounds only: merge them.
    """
    greatest, least = (func.max, func.min) if db.is_sqlite else (func.greatest, func.least)
    lower = [_LOWER[name](name) for name in sorted(bounds & _LOWER.keys())]
    last = _id("version")
    if "before_id" in bounds:
        last = least(last, func.coalesce(version_near("before_id", before=True), -1))
    query = MESSAGES.where(
        Message.conversation_id == _CONVERSATION,
        Message.version <= last,
        is_visible_to(_id("user")),
    )
    if lower:
        query = query.where(Message.version >= (greatest(*lower) if lower[1:] else lower[0]))
    return query.order_by(Message.version.desc() if newest_first else Message.version).limit(
        bindparam("limit", type_=Integer)
    )


_DELETIONS = (
    select(Deletion.message_id, Deletion.version)
    .where(
        Deletion.conversation_id == _CONVERSATION,
        Deletion.version > _id("after"),
        Deletion.version <= _id("version"),
    )
    .order_by(Deletion.version)
    .limit(_IDS_IN_A_BLOCK)
)
