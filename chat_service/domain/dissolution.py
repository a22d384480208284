"""Dissolving of groups. A long history is deleted in batches, which take longer than a request may.

A dissolved group is closed, so that it is unknown to every request, and has no members. A small one
is deleted at once, others by `delete_dissolved_groups`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy import delete, select, text, update

from chat_service.db import db, transaction
from chat_service.domain import media
from chat_service.models import IMAGE, Conversation, Deletion, Membership, Message, SearchGram

_MAX_MESSAGES, _MAX_GRAMS = 1_000, 50_000  # In a batch.
# The databases use a partial index only for its literal condition.
_IS_DISSOLVED = text("is_group AND NOT is_open")


class _LockedError(Exception):
    """Another process is deleting the group, or has deleted it."""


def dissolve(conversation_id: int, last_seq: int) -> list[int]:
    """Dissolve a locked group in the running transaction.

    Args:
        conversation_id: the group.
        last_seq: the ``seq`` of its newest message.

    Returns:
        the users who were members.
    """
    members = db.session.scalars(
        delete(Membership)
        .where(Membership.conversation_id == conversation_id)
        .returning(Membership.user_id)
    ).all()
    db.session.execute(
        update(Conversation).where(Conversation.id == conversation_id).values(is_open=False)
    )
    if last_seq <= _MAX_MESSAGES:
        db.after_commit(partial(_delete_group, conversation_id, last_seq))
    return list(members)


def delete_dissolved_groups() -> None:
    """Delete what is left of dissolved groups. It can be interrupted and repeated."""
    columns = select(Conversation.id, Conversation.last_seq)
    dissolved = db.session.execute(columns.where(_IS_DISSOLVED)).all()
    for row in dissolved:
        _delete_group(row.id, row.last_seq)


def _delete_group(conversation_id: int, last_seq: int) -> None:
    """Delete a dissolved group, at last its row."""
    with suppress(_LockedError):
        for first_seq in range(1, last_seq + 1, _MAX_MESSAGES):
            with _batch(conversation_id):
                _delete_messages(conversation_id, first_seq)
        # After the messages: then no more is added to the index.
        gram: int | None = 0
        while gram is not None:
            with _batch(conversation_id):
                gram = _delete_grams(conversation_id, gram)
        with _batch(conversation_id) as picture:
            db.session.execute(delete(Conversation).where(Conversation.id == conversation_id))
            media.delete_after_commit([picture])


@contextmanager
def _batch(conversation_id: int) -> Iterator[str]:
    """Run a transaction that deletes a part of a dissolved group; then let requests run as long.

    Yields:
        the name of the group's picture.

    Raises:
        _LockedError: nothing is to be done.
    """
    started_at = time.monotonic()
    with transaction():
        picture = db.session.scalar(
            select(Conversation.avatar_digest)
            .where(Conversation.id == conversation_id, _IS_DISSOLVED)
            .with_for_update(skip_locked=True)
        )
        if picture is None:
            raise _LockedError
        yield picture
    time.sleep(time.monotonic() - started_at)


def _delete_messages(conversation_id: int, first_seq: int) -> None:
    """Delete a batch of messages with their files, and of deletions."""
    message, deletion = (
        delete(table).where(
            table.conversation_id == conversation_id,
            table.seq.between(first_seq, first_seq + _MAX_MESSAGES - 1),
        )
        for table in (Message, Deletion)
    )
    deleted = db.execute(message.returning(Message.type, Message.content)).all()
    media.delete_after_commit([row.content for row in deleted if row.type == IMAGE])
    db.execute(deletion)


def _delete_grams(conversation_id: int, first: int) -> int | None:
    """Delete a batch of the search index, from a gram on.

    Returns:
        where the next batch begins; None after the last.
    """
    here = (SearchGram.conversation_id == conversation_id, SearchGram.gram >= first)
    grams = select(SearchGram.gram).where(*here).order_by(SearchGram.gram)
    last = db.execute(grams.offset(_MAX_GRAMS).limit(1)).scalar()
    if last is None:
        db.execute(delete(SearchGram).where(*here))
        return None
    db.execute(delete(SearchGram).where(*here, SearchGram.gram <= last))
    return int(last) + 1
