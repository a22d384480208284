"""Integrity checks of messages: numbers, versions, order, unread counts and search index."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, null, or_, select, union_all

from chat_service.db import db
from chat_service.domain.indexing import extract_grams
from chat_service.domain.read_state import unread_count
from chat_service.models import (
    TEXT,
    Conversation,
    Deletion,
    HiddenMessage,
    Membership,
    Message,
    SearchGram,
    SearchProgress,
)
from shared.operations.integrity import Page

_CONVERSATIONS = 500
_MESSAGES = 200_000
_ROWS = 1000


def count_rows(model: Any, *which: ColumnElement[bool]) -> Any:
    """Build the number of rows of ``model`` in a conversation, in SQL."""
    counted = select(func.count()).where(model.conversation_id == Conversation.id, *which)
    return counted.correlate(Conversation).scalar_subquery()


def has_rows(model: Any, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Build the condition that a conversation has such rows of ``model``, in SQL."""
    rows = select(model.conversation_id).where(model.conversation_id == Conversation.id, *which)
    return rows.correlate(Conversation).exists()


# A dissolved group is being deleted.
_IS_COMPLETE = or_(Conversation.is_open, ~Conversation.is_group)


def wrong_numbers() -> Select[*tuple[Any, ...]]:
    """Select conversations with a gap. A unique constraint excludes repeats in one table."""
    messages, deletions = count_rows(Message), count_rows(Deletion)
    in_both = select(Message.seq).join(
        Deletion,
        (Deletion.conversation_id == Message.conversation_id) & (Deletion.seq == Message.seq),
    )
    return select(
        Conversation.id.label("conversation_id"),
        Conversation.last_seq,
        messages.label("messages"),
        deletions.label("deletions"),
    ).where(
        _IS_COMPLETE,
        or_(
            messages + deletions != Conversation.last_seq,
            has_rows(Message, ~Message.seq.between(1, Conversation.last_seq)),
            has_rows(Deletion, ~Deletion.seq.between(1, Conversation.last_seq)),
            in_both.where(Message.conversation_id == Conversation.id)
            .correlate(Conversation)
            .exists(),
        ),
    )


def wrong_versions() -> Select[*tuple[Any, ...]]:
    """Select conversations whose version is not the number of their sends and deletions."""
    changes = Conversation.last_seq + count_rows(Deletion)
    return select(
        Conversation.id.label("conversation_id"), Conversation.version, changes.label("changes")
    ).where(
        _IS_COMPLETE,
        or_(
            Conversation.version != changes,
            has_rows(Message, Message.version > Conversation.version),
            has_rows(Deletion, Deletion.version > Conversation.version),
        ),
    )


def _iter_batches() -> Iterator[tuple[Any, list[int]]]:
    """Iterate over all conversations in batches with a bounded number of messages.

    Yields:
        a session with a snapshot of the database, and the ids.
    """
    after = 0
    while True:
        with db.snapshot():
            ids: list[int] = []
            room = _MESSAGES
            for row in db.session.execute(
                select(Conversation.id, Conversation.last_seq)
                .where(Conversation.id > after)
                .order_by(Conversation.id)
                .limit(_CONVERSATIONS)
            ):
                room -= row.last_seq
                if ids and room < 0:
                    break
                ids.append(row.id)
            if not ids:
                return
            yield db.session, ids
        after = ids[-1]


def check_order() -> Iterator[Page]:
    """Check that ids, versions and times have the order of ``seq``, as lists and sync assume."""
    for session, ids in _iter_batches():
        here = Message.conversation_id.in_(ids)
        by_seq: dict[str, Any] = {
            "partition_by": Message.conversation_id,
            "order_by": Message.seq,
        }
        each = (
            select(
                Message.conversation_id,
                Message.id,
                (Message.id > func.lag(Message.id).over(**by_seq)).label("id_follows"),
                (Message.version > func.lag(Message.version).over(**by_seq)).label(
                    "version_follows"
                ),
                (Message.created_at >= func.lag(Message.created_at).over(**by_seq)).label(
                    "time_follows"
                ),
            )
            .where(here)
            .subquery()
        )
        wrong = session.execute(
            select(each.c.id, each.c.conversation_id).where(
                or_(~each.c.id_follows, ~each.c.version_follows, ~each.c.time_follows)
            )
        )
        violations = [f"message {row.id} of conversation {row.conversation_id}" for row in wrong]
        count = session.scalar(select(func.count()).select_from(Message).where(here))
        yield Page(count or 0, violations)


def check_unread_counts() -> Iterator[Page]:
    """Check unread counts by counting them in another way."""
    for session, ids in _iter_batches():
        here = Membership.conversation_id.in_(ids)
        wrong = session.execute(_wrong_unread_counts(ids).where(here))
        violations = [
            f"conversation {row.conversation_id}, member {row.user_id}: "
            f"{row.computed}, not {row.recounted}"
            for row in wrong
        ]
        count = session.scalar(select(func.count()).select_from(Membership).where(here))
        yield Page(count or 0, violations)


def _wrong_unread_counts(conversation_ids: list[int]) -> Select[*tuple[Any, ...]]:
    """Select memberships with a wrong unread count, or with an own message that is unread."""
    later, own = _later_messages(conversation_ids), _own_messages(conversation_ids)
    hidden = (
        select(func.count())
        .select_from(HiddenMessage)
        .join(Message, Message.id == HiddenMessage.message_id)
        .where(
            HiddenMessage.user_id == Membership.user_id,
            Message.conversation_id == Membership.conversation_id,
            Message.seq > Membership.unread_seq,
        )
        .correlate(Membership)
        .scalar_subquery()
    )
    recounted = later.c.number - hidden + Membership.unread_extra
    computed = unread_count()
    return (
        select(
            Membership.conversation_id,
            Membership.user_id,
            computed.label("computed"),
            recounted.label("recounted"),
        )
        .join(Conversation, Conversation.id == Membership.conversation_id)
        .join(
            later,
            (later.c.conversation_id == Membership.conversation_id)
            & (later.c.user_id == Membership.user_id),
        )
        .outerjoin(
            own,
            (own.c.conversation_id == Membership.conversation_id)
            & (own.c.sender_id == Membership.user_id),
        )
        .where(or_(computed != recounted, own.c.last_seq > Membership.unread_seq))
    )


def _later_messages(conversation_ids: list[int]) -> Any:
    """Count the messages after the unread position of each member."""
    points = union_all(
        select(
            Message.conversation_id,
            Message.seq,
            literal(1).label("is_message"),
            null().label("user_id"),
        ).where(Message.conversation_id.in_(conversation_ids)),
        select(
            Membership.conversation_id, Membership.unread_seq, literal(0), Membership.user_id
        ).where(Membership.conversation_id.in_(conversation_ids)),
    ).subquery()
    number = func.sum(points.c.is_message).over(
        partition_by=points.c.conversation_id,
        order_by=(points.c.seq.desc(), points.c.is_message),
        rows=(None, 0),
    )
    return select(points.c.conversation_id, points.c.user_id, number.label("number")).subquery()


def _own_messages(conversation_ids: list[int]) -> Any:
    """Select the number of the last message of each sender."""
    return (
        select(
            Message.conversation_id,
            Message.sender_id,
            func.max(Message.seq).label("last_seq"),
        )
        .where(Message.conversation_id.in_(conversation_ids))
        .group_by(Message.conversation_id, Message.sender_id)
        .subquery()
    )


def grams_without_text() -> Select[*tuple[Any, ...]]:
    """Select rows of the search index whose text does not exist."""
    text = select(Message.id).where(
        Message.id == SearchGram.message_id,
        Message.conversation_id == SearchGram.conversation_id,
        Message.type == TEXT,
    )
    columns = select(SearchGram.conversation_id, SearchGram.message_id).distinct()
    dissolved = select(Conversation.id).where(~_IS_COMPLETE)
    return columns.where(~text.exists(), SearchGram.conversation_id.not_in(dissolved))


def check_index() -> Iterator[Page]:
    """Check the number and the sum of the n-grams of every text that is marked as indexed."""
    for session, ids in _iter_batches():
        mark = session.scalar(select(SearchProgress.indexed_id)) or 0
        indexed = (
            select(
                SearchGram.message_id,
                func.count().label("number"),
                func.sum(SearchGram.gram).label("total"),
            )
            .where(SearchGram.conversation_id.in_(ids))
            .group_by(SearchGram.message_id)
            .subquery()
        )
        rows = session.execute(
            select(Message.id, Message.content, indexed.c.number, indexed.c.total)
            .outerjoin(indexed, indexed.c.message_id == Message.id)
            .where(Message.conversation_id.in_(ids), Message.id <= mark, Message.type == TEXT),
            execution_options={"yield_per": _ROWS},
        )
        checked, violations = 0, []
        for row in rows:
            grams = extract_grams(row.content)
            if (row.number or 0, row.total or 0) != (len(grams), sum(grams)):
                violations.append(f"message {row.id}: {row.number or 0} n-grams, not {len(grams)}")
            checked += 1
        yield Page(checked, violations)
