"""The search index: n-grams of texts, filled in the background.

An n-gram is two neighbouring characters. Alphabets have few letters, and most pairs are in most
texts: of these, three neighbouring characters are an n-gram, too.

All messages up to an id are in the index; a search scans the later ones. So sending does not wait
for the index, and a search is always complete.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.orm import aliased

from chat_service.db import db, transaction
from chat_service.domain.text import fold
from chat_service.models import TEXT, Message, SearchGram, SearchProgress
from shared.data.columns import BigId

_BATCH = 30
_BITS = 21  # Of a code point.
_FIRST_CJK = 0x2E80
_TRIPLE, _TRIPLE_BITS = 1 << 2 * _BITS, 14  # Of a code point below the first one of CJK.
_ONLY_ROW = 1
_MAX_RANKED = 16
_MAX_COUNT = 200


def extract_grams(text: str) -> list[int]:
    """Extract the distinct n-grams of a text, as numbers."""
    return list(dict.fromkeys(_extract_triples(text) + _extract_pairs(text)))


def select_grams(text: str) -> list[int]:
    """Select the n-grams of a text by which a search finds it.

    Returns:
        distinct n-grams, without the pairs that are part of a triple.
    """
    triples = _extract_triples(text)
    pairs = _extract_pairs(text, is_cjk=True) if triples else _extract_pairs(text)
    return list(dict.fromkeys(triples + pairs))


def has_other_grams(
    count: int, conversation_id: ColumnElement[Any], message_id: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Build the condition that a message has the n-grams of the parameters ``gram_1``, ``gram_2``
    and so on; a query has selected it by ``gram_0``.

    Args:
        count: the number of n-grams, with the first one.
        conversation_id: the conversation of the message, in SQL.
        message_id: the message, in SQL.
    """
    conditions = (
        # Not EXISTS: PostgreSQL may hash all messages that have the n-gram.
        select(each.message_id)
        .where(
            each.conversation_id == conversation_id,
            each.gram == bindparam(f"gram_{position}", type_=BigId),
            each.message_id == message_id,
        )
        .scalar_subquery()
        .is_not(None)
        for position, each in enumerate((aliased(SearchGram) for _ in range(count - 1)), 1)
    )
    return and_(true(), *conditions)


def _extract_triples(text: str) -> list[int]:
    codes = list(map(ord, fold(text)))
    return [
        _TRIPLE | (one << _TRIPLE_BITS | other) << _TRIPLE_BITS | third
        for one, other, third in zip(codes, codes[1:], codes[2:], strict=False)
        if max(one, other, third) < _FIRST_CJK
    ]


def _extract_pairs(text: str, *, is_cjk: bool = False) -> list[int]:
    codes = map(ord, fold(text))
    first = _FIRST_CJK if is_cjk else 0
    return [one << _BITS | other for one, other in pairwise(codes) if max(one, other) >= first]


def sort_by_rarity(conversation_ids: Sequence[int], grams: list[int]) -> list[int]:
    """Sort up to `_MAX_RANKED` n-grams by the number of messages that have them, rarest first."""
    if len(grams) == 1:
        return grams
    ranked = {str(gram): None for gram in grams[:_MAX_RANKED]}
    counts: Counter[int] = Counter()
    for conversation_id in conversation_ids:
        rows = db.execute(_COUNTS, conversation=conversation_id, grams=ranked)
        counts.update({row.gram: row.count for row in rows})
    return sorted(map(int, ranked), key=counts.__getitem__)


_ranked = func.json_each(bindparam("grams", type_=JSON)).table_valued(column("key", Text))
_gram = cast(_ranked.c.key, BigInteger)
_counted = (
    select(SearchGram.message_id)
    .where(
        SearchGram.conversation_id == bindparam("conversation", type_=BigId),
        SearchGram.gram == _gram,
    )
    .order_by(SearchGram.message_id)  # Without it PostgreSQL may scan the table.
    .limit(_MAX_COUNT)
    .correlate(_ranked)
    .subquery()
)
# A message has up to 508 rows. One parameter for all takes a twentieth of the time of one for each.
_texts = func.json_each(bindparam("texts", type_=JSON)).table_valued(
    column("key", Text), column("value", JSON), name="texts"
)
_grams = func.json_each(_texts.c.value).table_valued(
    column("key", Text), column("value", Text), name="grams"
)
_INSERT = insert(SearchGram).from_select(
    ["conversation_id", "gram", "message_id"],
    select(
        cast(cast(_grams.c.value, Text), BigInteger),
        cast(_grams.c.key, BigInteger),
        cast(_texts.c.key, BigInteger),
    ).select_from(_texts.join(_grams, true())),
)
_COUNTS = select(
    _gram.label("gram"),
    select(func.count()).select_from(_counted).correlate(_ranked).scalar_subquery().label("count"),
)


def get_indexed_id() -> int:
    """Get the id up to which all messages are in the index."""
    return db.session.scalar(select(SearchProgress.indexed_id)) or 0


def remove_from_index(conversation_id: int, texts: Mapping[int, str]) -> None:
    """Remove deleted texts from the index, in the running transaction.

    Args:
        conversation_id: the conversation.
        texts: the texts, by message id.
    """
    for message_id, content in texts.items():
        grams = extract_grams(content)
        if grams:
            db.session.execute(
                delete(SearchGram).where(
                    SearchGram.conversation_id == conversation_id,
                    SearchGram.message_id == message_id,
                    SearchGram.gram.in_(grams),
                )
            )


class Indexer:
    """Fills the index. Of several processes one works at a time, and the others do not wait."""

    def __init__(self) -> None:
        self._horizon = 0
        self._candidate: tuple[int, int] | None = None

    def index_batch(self) -> bool:
        """Add a batch of messages to the index.

        Returns:
            whether there may be more.
        """
        self._move_horizon()
        db.release()
        with transaction():
            db.session.execute(
                db.insert(SearchProgress)
                .values(id=_ONLY_ROW, indexed_id=0)
                .on_conflict_do_nothing()
            )
            mark = db.session.scalar(
                select(SearchProgress.indexed_id).with_for_update(skip_locked=True)
            )
            if mark is None or mark >= self._horizon:
                return False
            # The lock prevents a deletion that would miss the new rows of the index.
            rows = db.session.execute(
                select(Message.id, Message.conversation_id, Message.type, Message.content)
                .where(Message.id > mark, Message.id <= self._horizon)
                .order_by(Message.id)
                .limit(_BATCH)
                .with_for_update(read=True, key_share=True)
            ).all()
            texts = {
                str(row.id): dict.fromkeys(
                    map(str, extract_grams(row.content)), row.conversation_id
                )
                for row in rows
                if row.type == TEXT
            }
            db.execute(_INSERT, texts=texts)
            mark = rows[-1].id if len(rows) == _BATCH else self._horizon
            db.session.execute(update(SearchProgress).values(indexed_id=mark))
        return True

    def _move_horizon(self) -> None:
        """Find the id up to which all messages are committed.

        On PostgreSQL ids are committed out of order. A transaction with a smaller id than a
        visible one has begun before now: once all transactions that run now have ended, no
        smaller id can appear.
        """
        newest = func.coalesce(func.max(Message.id), 0)
        if db.is_sqlite:
            self._horizon = db.session.execute(select(newest)).scalar_one()
            return
        snapshot = func.pg_current_snapshot()
        oldest_running, next_transaction = (
            cast(cast(edge(snapshot), Text), BigInteger)
            for edge in (func.pg_snapshot_xmin, func.pg_snapshot_xmax)
        )
        visible, oldest, following = db.session.execute(
            select(newest, oldest_running, next_transaction)
        ).one()
        if self._candidate is not None and oldest >= self._candidate[1]:
            self._horizon, self._candidate = self._candidate[0], None
        self._horizon = min(self._horizon, visible)  # A restored database may have fewer.
        if self._candidate is None and visible > self._horizon:
            self._candidate = visible, following
            if oldest == following:  # No transaction is running.
                self._horizon, self._candidate = visible, None


indexer = Indexer()
