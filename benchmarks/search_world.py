"""Conversations, messages and their index for ``python -m benchmarks.search``, made in SQL."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import insert, text

from chat_service.db import db
from chat_service.domain.indexing import extract_grams
from chat_service.models import (
    Account,
    Conversation,
    Membership,
    Message,
    SearchProgress,
)

_TAIL = 100
_ROWS_AT_ONCE = 20_000
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
_CHINESE = (
    "的一是不了在人有我他这中大来上国个到说们为子和你地"
    "出道也时年得就那要下以生会自着去之过家学对可里"
)
_LATIN = """
the quick brown fox jumps over a lazy dog and then we meet for lunch tomorrow maybe
""".split()  # noqa: SIM905 - read as a sentence

# Who asks: in 1,000 conversations, in few long ones, or in one of them all.
MANY, FEW = 1, 2
_STRANGERS = (3, 4, 5)


class Part(NamedTuple):
    """A number of conversations of some users, and their share of the messages."""

    members: tuple[int, ...]
    conversations: int
    share: float


_WORLD = (
    Part((MANY, 3), 1_000, 0.3),
    Part((FEW, 4), 10, 0.3),
    Part((4, 5), 500, 0.4),
)


def fill(messages: int) -> None:
    """Create the conversations, messages and index, in the state after sends and indexing."""
    _insert(Account, _accounts())
    placed, next_id = [], 1
    for part in _WORLD:
        ids = range(next_id, next_id + part.conversations)
        next_id += part.conversations
        placed += [(part, ids, round(part.share * messages / part.conversations))]
    _insert(Conversation, (row for _, ids, count in placed for row in _conversations(ids, count)))
    _insert(Membership, (row for part, ids, _ in placed for row in _memberships(part, ids)))
    texts = Texts(messages)
    _insert(Message, texts.rows(placed))
    last = messages - _TAIL
    for conversation_id, contents in sorted(texts.by_conversation.items()):
        _insert_grams(conversation_id, [each for each in contents if each[0] <= last])
    _insert(SearchProgress, iter([{"id": 1, "indexed_id": last}]))
    with db.transaction():
        db.session.execute(text("ANALYZE"))


class Texts:
    """Texts of random words, with rare words for the measured cases.

    Attributes:
        by_conversation: id and text of each message.
    """

    def __init__(self, messages: int) -> None:
        self._chance = random.Random(7)  # noqa: S311 - the same world each time
        self._messages = messages
        self.by_conversation: dict[int, list[tuple[int, str]]] = {}

    def rows(self, placed: list[tuple[Part, range, int]]) -> Iterator[dict[str, Any]]:
        """The messages; the ids of all conversations are interleaved."""
        order = [
            (part, conversation_id)
            for part, ids, count in placed
            for conversation_id in ids
            for _ in range(count)
        ]
        self._chance.shuffle(order)
        for message_id, (part, conversation_id) in enumerate(order, start=1):
            contents = self.by_conversation.setdefault(conversation_id, [])
            contents.append((message_id, self._text(part, message_id)))
            yield {
                "id": message_id,
                "conversation_id": conversation_id,
                "seq": len(contents),
                "version": len(contents),
                "sender_id": part.members[message_id % len(part.members)],
                "type": 0,
                "content": contents[-1][1],
                "created_at": _EPOCH + timedelta(seconds=message_id),
            }

    def _text(self, part: Part, message_id: int) -> str:
        chance = self._chance
        if chance.random() < 0.5:
            content = "".join(chance.choices(_CHINESE, k=chance.randint(6, 24)))
        else:
            content = " ".join(chance.choices(_LATIN, k=chance.randint(3, 8)))
        if message_id % 20_011 == 0:
            content += "鹦鹉 zebra"
        if part.members == (4, 5):
            content += " 高铁 xylophone"
        return content


def _accounts() -> Iterator[dict[str, Any]]:
    for user_id in (MANY, FEW, *_STRANGERS):
        yield {"id": user_id, "name": f"User {user_id}", "email": "", "user_info": ""} | {
            "avatar_digest": "",
            "avatar_reference": "",
            "deleted": False,
            "generation": 0,
            "version": 1,
            "session_ends_version": 1,
        }


def _conversations(ids: range, count: int) -> Iterator[dict[str, Any]]:
    for conversation_id in ids:
        yield {
            "id": conversation_id,
            "is_group": True,
            "name": f"Group {conversation_id}",
            "last_seq": count,
            "version": count,
            "created_at": _EPOCH,
        }


def _memberships(part: Part, ids: range) -> Iterator[dict[str, Any]]:
    for conversation_id in ids:
        for user_id in part.members:
            yield {
                "conversation_id": conversation_id,
                "user_id": user_id,
                "role": 1 if user_id == part.members[0] else 3,
                "joined_at": _EPOCH,
            }


def _insert_grams(conversation_id: int, contents: list[tuple[int, str]]) -> None:
    rows = sorted(
        (conversation_id, gram, message_id)
        for message_id, content in contents
        for gram in extract_grams(content)
    )
    with db.transaction():
        driver: Any = db.session.connection().connection.driver_connection
        cursor = driver.cursor()
        if db.is_sqlite:
            cursor.executemany(
                "INSERT INTO search_grams (conversation_id, gram, message_id) VALUES (?, ?, ?)",
                rows,
            )
            return
        with cursor.copy(
            "COPY search_grams (conversation_id, gram, message_id) FROM STDIN"
        ) as copy:
            for row in rows:
                copy.write_row(row)


def _insert(model: Any, rows: Iterator[dict[str, Any]]) -> None:
    block: list[dict[str, Any]] = []
    for row in rows:
        block.append(row)
        if len(block) == _ROWS_AT_ONCE:
            _insert_block(model, block)
            block = []
    if block:
        _insert_block(model, block)


def _insert_block(model: Any, block: list[dict[str, Any]]) -> None:
    with db.transaction():
        db.session.execute(insert(model), block)
