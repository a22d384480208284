"""List the changes in all conversations of a user since the versions that a client has."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    FromClause,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import aliased

from chat_service.db import db
from chat_service.domain.accounts import Person, get_people
from chat_service.domain.conversations import FRIEND_ID, ConversationRow, list_conversations
from chat_service.domain.messages import (
    MESSAGES,
    MessageBlock,
    MessageRow,
    PairReads,
    is_visible_to,
    to_message_rows,
)
from chat_service.models import Conversation, Deletion, Membership, Message
from shared.data.columns import BigId

MAX_MESSAGES = 2000
MAX_DELETED_IDS = 2000
_MAX_PARAMETERS = 1000

_USER = bindparam("user", type_=BigId)
_own, _friend = aliased(Membership), aliased(Membership)
_STATES = (
    select(
        Conversation.id,
        Conversation.version,
        Conversation.last_seq,
        _own.read_seq,
        _friend.read_seq.label("friend_read_seq"),
    )
    .join(_own, _own.conversation_id == Conversation.id)
    .outerjoin(
        _friend, (_friend.conversation_id == Conversation.id) & (_friend.user_id == FRIEND_ID)
    )
    .where(_own.user_id == _USER, Conversation.is_open)
)


class ChangedConversation(NamedTuple):
    """A conversation with its changes; ``has_more``: there are more after ``row.version``."""

    row: ConversationRow
    messages: MessageBlock
    deleted_ids: list[int]
    has_more: bool


class SyncResult(NamedTuple):
    """The changes, and the requested ids that are no open conversation of the user."""

    changes: list[ChangedConversation]
    gone_ids: list[int]


def sync(
    user_id: int,
    versions: Mapping[int, int],
    limit: int,
    conversation_ids: Collection[int] | None = None,
) -> SyncResult:
    """List the changes in a user's conversations. Moves no read position.

    Args:
        user_id: the user.
        versions: the client's version of each conversation that it has.
        limit: maximum number of messages for each conversation.
        conversation_ids: only these conversations; None for all.
    """
    states = {row.id: row for row in db.execute(_STATES, user=user_id).all()}
    requested = versions.keys() if conversation_ids is None else set(conversation_ids)
    considered = states.keys() if conversation_ids is None else states.keys() & requested
    changed = {
        id_: _Change(user_id, states[id_], _valid_version(versions.get(id_), states[id_].version))
        for id_ in considered
        if states[id_].version != versions.get(id_)
    }
    rows = _list_rows(user_id, changed)
    changes = [changed[row.id] for row in rows]
    _fetch_messages(changes, user_id, limit)
    _fetch_deletions(changes)
    senders = get_people({each.sender_id for change in changes for each in change.messages})
    return SyncResult(
        changes=[change.result(row, senders) for row, change in zip(rows, changes, strict=True)],
        gone_ids=sorted(requested - states.keys()),
    )


def _list_rows(user_id: int, conversation_ids: Collection[int]) -> list[ConversationRow]:
    """List the rows of these conversations, without those that were closed in the meantime."""
    if not conversation_ids:
        return []
    ids = conversation_ids if len(conversation_ids) <= _MAX_PARAMETERS else None
    return [row for row in list_conversations(user_id, ids) if row.id in conversation_ids]


def _valid_version(version: int | None, current: int) -> int | None:
    """Return the client's version, or None if the conversation has not reached it."""
    return None if version is None or version > current else version


class _Change:
    """The changes in one conversation after the client's version, None if it has none."""

    def __init__(self, user_id: int, state: Any, after: int | None) -> None:
        self._user_id = user_id
        self.id: int = state.id
        self.after = after
        self.until: int = state.version
        self.state = state
        self.messages: list[MessageRow] = []
        self.deleted_ids: list[int] = []
        self.has_more = False

    @property
    def max_messages(self) -> int:
        """Upper bound of the number of new messages."""
        state = self.state
        return int(state.last_seq if self.after is None else state.version - self.after)

    @property
    def max_deleted_ids(self) -> int:
        """Upper bound of the number of deletions between ``after`` and ``until``."""
        return 0 if self.after is None else self.until - self.after - len(self.messages)

    def set_messages(self, rows: list[MessageRow], limit: int) -> None:
        """Set the first ``limit`` of ``rows``; the last for a conversation new to the client."""
        self.has_more = len(rows) > limit
        if self.after is None:
            self.messages = rows[max(0, len(rows) - limit) :]
            return
        self.messages = rows[:limit]
        if self.has_more:
            self._end_at(self.messages[-1].version if self.messages else self.after)

    def set_deletions(self, rows: list[Any], limit: int) -> None:
        """Set the first ``limit`` of ``rows``; if there are more, end at the last of them."""
        if len(rows) > limit:
            self._end_at(rows[limit - 1].version if limit else self.after or 0)
            self.messages = [each for each in self.messages if each.version <= self.until]
        self.deleted_ids = [each.message_id for each in rows[:limit]]

    def postpone(self) -> None:
        """Return nothing but ``has_more``."""
        self.messages, self.has_more = [], True
        if self.after is not None:
            self._end_at(self.after)

    def _end_at(self, version: int) -> None:
        self.has_more, self.until = True, version

    def result(self, row: ConversationRow, senders: Mapping[int, Person]) -> ChangedConversation:
        """Combine the changes with the row of the conversation."""
        reads, state = None, self.state
        if state.friend_read_seq is not None:
            reads = PairReads(self._user_id, state.read_seq, state.friend_read_seq)
        return ChangedConversation(
            row=row._replace(version=self.until),
            messages=MessageBlock(self.messages, senders, reads),
            deleted_ids=self.deleted_ids,
            has_more=self.has_more,
        )


def _fetch_messages(changes: Iterable[_Change], user_id: int, limit: int) -> None:
    """Fetch the messages of the changes, and postpone those beyond `MAX_MESSAGES`."""
    fetched = _select_within(changes, lambda each: min(limit, each.max_messages), MAX_MESSAGES)
    rows: dict[int, list[MessageRow]] = defaultdict(list)
    for newest in (False, True):
        spans = {
            each.id: (each.after or 0, each.until)
            for each in fetched
            if (each.after is None) is newest
        }
        if spans:
            page = {"user": user_id, "spans": spans, "limit": limit + 1}
            for row in to_message_rows(db.execute(_messages_query(newest=newest), **page)):
                rows[row.conversation_id].append(row)
    room = MAX_MESSAGES
    for change in fetched:
        change.set_messages(rows[change.id], min(limit, room))
        room -= len(change.messages)


def _fetch_deletions(changes: Iterable[_Change]) -> None:
    """Fetch the deletions of the changes, and postpone those beyond `MAX_DELETED_IDS`."""
    fetched = _select_within(changes, lambda each: each.max_deleted_ids, MAX_DELETED_IDS)
    rows: dict[int, list[Any]] = defaultdict(list)
    spans = {each.id: (each.after, each.until) for each in fetched}
    if spans:
        result = db.execute(_deletions_query(), spans=spans, limit=MAX_DELETED_IDS + 1)
        for row in result.all():
            rows[row.conversation_id].append(row)
    room = MAX_DELETED_IDS
    for change in fetched:
        change.set_deletions(rows[change.id], room)
        room -= len(change.deleted_ids)


def _select_within(
    changes: Iterable[_Change], size_of: Callable[[_Change], int], room: int
) -> list[_Change]:
    """Select changes until ``room`` rows are reached, and postpone the others."""
    fetched = []
    for change in changes:
        size = size_of(change)
        if size and room > 0:
            room -= size
            fetched.append(change)
        elif size:
            change.postpone()
    return fetched


class _Span(NamedTuple):
    """A range of versions of a conversation: after one (exclusive) until another, in SQL."""

    table: FromClause
    conversation_id: Any
    after: Any
    until: Any


def _make_span() -> _Span:
    each = func.json_each(bindparam("spans", type_=JSON)).table_valued(
        column("key", Text), column("value", JSON)
    )
    after, until = (
        cast(type_coerce(each.c.value, JSON)[position].as_string(), BigInteger)
        for position in (0, 1)
    )
    return _Span(each, cast(each.c.key, BigInteger), after, until)


@cache
def _messages_query(*, newest: bool) -> Select[*tuple[Any, ...]]:
    """Build the query of the first (or newest) visible messages of each span, oldest first."""
    span, message = _make_span(), aliased(Message)
    page = _select_page(span, message, message.id).where(is_visible_to(_USER, message))
    order = message.version.desc() if newest else message.version
    return _join_page(MESSAGES, span, page.order_by(order), Message.id).order_by(Message.version)


@cache
def _deletions_query() -> Select[*tuple[Any, ...]]:
    """Build the query of the first deletions of each span, oldest first."""
    span, deletion = _make_span(), aliased(Deletion)
    page = _select_page(span, deletion, deletion.message_id).order_by(deletion.version)
    columns = select(Deletion.conversation_id, Deletion.message_id, Deletion.version)
    return _join_page(columns, span, page, Deletion.message_id).order_by(Deletion.version)


def _select_page(span: _Span, table: Any, key: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(key.label("key"))
        .where(
            table.conversation_id == span.conversation_id,
            table.version > span.after,
            table.version <= span.until,
        )
        .limit(bindparam("limit", type_=Integer))
        .correlate(span.table)
    )


def _join_page(
    columns: Select[*tuple[Any, ...]], span: _Span, page: Select[*tuple[Any, ...]], key: Any
) -> Select[*tuple[Any, ...]]:
    """Select ``columns`` of the rows whose ``key`` is in the page of a span."""
    if db.is_sqlite:  # SQLite has no LATERAL, but executes a correlated IN in the same way.
        return columns.join(span.table, key.in_(page))
    keys = page.lateral()
    return columns.join(span.table, true()).join(keys, key == keys.c.key)
