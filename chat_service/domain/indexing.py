"""The index of what messages say, by pairs of characters; filled in the background.

Whatever has an id up to a mark is in the index, and searches look through the rest themselves. So
a send costs nothing more, and a search is exact at any time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from sqlalchemy import (
    JSON,
    BigInteger,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    select,
    update,
)

from chat_service.db import db, transaction
from chat_service.domain.text import fold
from chat_service.models import TEXT, Message, SearchGram, SearchProgress
from shared.data.columns import BigId

_BATCH = 100
_BITS = 21  # Of a code point.
_ONLY_ROW = 1
_MAX_RANKED = 16
_MAX_COUNT = 200


def grams_of(text: str) -> list[int]:
    """The pairs of neighbouring characters of a text, each once and as a number."""
    folded = fold(text)
    return list(dict.fromkeys(ord(one) << _BITS | ord(other) for one, other in pairwise(folded)))


def rarest_first(conversation_ids: Sequence[int], grams: list[int]) -> list[int]:
    """Some of these pairs, those in fewest messages of some conversations first."""
    if len(grams) == 1:
        return grams
    ranked = {str(gram): None for gram in grams[:_MAX_RANKED]}
    counts: Counter[int] = Counter()
    for conversation_id in conversation_ids:
        rows = db.run(_COUNTS, conversation=conversation_id, grams=ranked)
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
    .order_by(SearchGram.message_id)  # Or PostgreSQL might read the table instead of the index.
    .limit(_MAX_COUNT)
    .correlate(_ranked)
    .subquery()
)
_COUNTS = select(
    _gram.label("gram"),
    select(func.count()).select_from(_counted).correlate(_ranked).scalar_subquery().label("count"),
)


def indexed_id() -> int:
    """All messages up to this id are in the index."""
    return db.session.scalar(select(SearchProgress.indexed_id)) or 0


def remove_from_index(conversation_id: int, texts: Mapping[int, str]) -> None:
    """Take messages that are being deleted out of the index.

    Args:
        session: of the running transaction.
        conversation_id: whose messages.
        texts: their texts, by id.
    """
    for message_id, content in texts.items():
        grams = grams_of(content)
        if grams:
            db.session.execute(
                delete(SearchGram).where(
                    SearchGram.conversation_id == conversation_id,
                    SearchGram.message_id == message_id,
                    SearchGram.gram.in_(grams),
                )
            )


class Indexer:
    """Fills the index. Several may run: none waits, and one works at a time."""

    def __init__(self) -> None:
        self._horizon = 0
        self._candidate: tuple[int, int] | None = None

    def index_some(self) -> bool:
        """Take some messages into the index.

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
            # Locked, so that none of them is deleted before its pairs are there to be deleted.
            rows = db.session.execute(
                select(Message.id, Message.conversation_id, Message.type, Message.content)
                .where(Message.id > mark, Message.id <= self._horizon)
                .order_by(Message.id)
                .limit(_BATCH)
                .with_for_update(read=True, key_share=True)
            ).all()
            grams = [
                {"conversation_id": row.conversation_id, "gram": gram, "message_id": row.id}
                for row in rows
                if row.type == TEXT
                for gram in grams_of(row.content)
            ]
            if grams:
                db.session.execute(insert(SearchGram), grams)
            mark = rows[-1].id if len(rows) == _BATCH else self._horizon
            db.session.execute(update(SearchProgress).values(indexed_id=mark))
        return True

    def _move_horizon(self) -> None:
        """Find the id up to which all messages can be seen.

        On PostgreSQL ids are committed out of order. Who has a smaller id than one that can be
        seen had begun to write before: when all transactions of that time have ended, no smaller
        one can come any more.
        """
        newest = func.coalesce(func.max(Message.id), 0)
        if db.is_sqlite:
            self._horizon = db.session.execute(select(newest)).scalar_one()
            return
        snapshot = func.pg_current_snapshot()
        oldest_running, next_one = (
            cast(cast(edge(snapshot), Text), BigInteger)
            for edge in (func.pg_snapshot_xmin, func.pg_snapshot_xmax)
        )
        seen, running, following = db.session.execute(
            select(newest, oldest_running, next_one)
        ).one()
        if self._candidate is not None and running >= self._candidate[1]:
            self._horizon, self._candidate = self._candidate[0], None
        self._horizon = min(self._horizon, seen)  # A restored database may have fewer.
        if self._candidate is None and seen > self._horizon:
            self._candidate = seen, following
            if running == following:  # No transaction is running.
                self._horizon, self._candidate = seen, None


indexer = Indexer()
