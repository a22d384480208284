"""SQL queries of the search of all conversations."""

from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
    true,
)
from sqlalchemy.orm import aliased

from chat_service.db import db
from chat_service.domain.conversations import FRIEND_ID
from chat_service.domain.indexing import has_other_grams
from chat_service.domain.messages import is_visible_to
from chat_service.models import Conversation, Membership, Message, SearchGram
from shared.data.columns import BigId


def _id(name: str) -> Any:
    return bindparam(name, type_=BigId)


@cache
def longest_query(*, is_one: bool) -> Select[*tuple[Any, ...]]:
    """Build the query of the conversations to search, the longest first."""
    conversations = (
        select(Conversation.id)
        .join(Membership, Membership.conversation_id == Conversation.id)
        .where(Membership.user_id == _id("user"), Conversation.is_open)
        .order_by(Conversation.last_seq.desc())
    )
    if is_one:
        return conversations.where(Conversation.id == _id("conversation"))
    return conversations


_FIELDS = (
    Message.id,
    Message.type,
    Message.content,
    Message.sender_id,
    Message.created_at,
    Message.conversation_id,
)
_positions = func.json_each(bindparam("positions", type_=JSON)).table_valued(
    column("key", Text), column("value", Text)
)
_CONVERSATION = cast(_positions.c.key, BigInteger)
_BEFORE = cast(cast(_positions.c.value, Text), BigInteger)
_SIZE = bindparam("limit", type_=Integer)


@cache
def page_query() -> Select[*tuple[Any, ...]]:
    """Build the query of the next messages of conversations, before each position, after an id."""
    near = aliased(Message)
    columns = [near.id] if db.is_sqlite else [getattr(near, each.key) for each in _FIELDS]
    page = (
        select(*columns)
        .where(
            near.conversation_id == _CONVERSATION,
            near.id < _BEFORE,
            near.id > _id("after"),
        )
        .order_by(near.conversation_id.desc(), near.id.desc())  # The order of the index.
        .limit(_SIZE)
        .correlate(_positions)
    )
    if db.is_sqlite:
        return select(*_FIELDS).select_from(_positions).join(Message, Message.id.in_(page))
    rows = page.lateral()
    return select(rows).select_from(_positions).join(rows, true())


@cache
def grams_query(count: int) -> Select[*tuple[Any, ...]]:
    """Build the query of the next messages with the first n-gram, and whether they have all."""
    near, on_sqlite = aliased(SearchGram), aliased(SearchGram)
    page = (
        select(near.message_id)
        .where(
            near.conversation_id == _CONVERSATION,
            near.gram == _id("gram_0"),
            near.message_id < _BEFORE,
        )
        .order_by(near.message_id.desc())
        .limit(_SIZE)
        .correlate(_positions)
    )
    rows: Any = on_sqlite if db.is_sqlite else page.lateral()
    message_id = (rows if db.is_sqlite else rows.c).message_id
    is_in_page = true()
    if db.is_sqlite:
        is_in_page = (
            (on_sqlite.conversation_id == _CONVERSATION)
            & (on_sqlite.gram == _id("gram_0"))
            & on_sqlite.message_id.in_(page)
        )
    has_all = has_other_grams(count, _CONVERSATION, message_id).label("has_all")
    query = select(_CONVERSATION.label("conversation_id"), message_id.label("id"), has_all)
    return query.select_from(_positions).join(rows, is_in_page)


@cache
def messages_query() -> Select[*tuple[Any, ...]]:
    """Build the query of the visible messages with these ids, newest first."""
    return (
        select(*_FIELDS)
        .where(Message.id.in_(bindparam("ids", expanding=True)), is_visible_to(_id("user")))
        .order_by(Message.id.desc())
    )


NAMES = (
    select(Conversation.id, Conversation.name, FRIEND_ID.label("friend_id"))
    .join(Membership, Membership.conversation_id == Conversation.id)
    .where(
        Conversation.id.in_(bindparam("ids", expanding=True)),
        Membership.user_id == _id("user"),
        Conversation.is_open,
    )
)
"""Selects the names of open conversations of a user, and the friends of private ones."""
