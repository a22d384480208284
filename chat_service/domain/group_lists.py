"""Lists of what belongs to a group, newest first; long ones are streamed in blocks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Integer, Select, bindparam, select

from chat_service import errors
from chat_service.db import db
from chat_service.domain.access import get_access
from chat_service.domain.history import long_reads
from chat_service.models import Announcement, Invitation
from shared.data.columns import BigId
from shared.web.authentication import MAX_ID
from shared.web.errors import ApiError
from shared.web.streaming import Blocks

T = TypeVar("T")

_BLOCK_SIZE = 200  # So many of the longest announcements are 2 MB of JSON.


def select_of_group(
    model: type[Announcement] | type[Invitation], *columns: Any
) -> Select[*tuple[Any, ...]]:
    """Build the query of a part of a group's list, for `list_of_group`. ``id`` is selected first.

    Args:
        model: the table.
        columns: the other columns.
    """
    return (
        select(model.id, *columns)
        .where(
            model.conversation_id == bindparam("conversation", type_=BigId),
            model.id < bindparam("before", type_=BigId),
        )
        .order_by(model.id.desc())
        .limit(bindparam("limit", type_=Integer))
    )


def list_of_group(
    conversation_id: int,
    user_id: int,
    query: Select[*tuple[Any, ...]],
    make_block: Callable[[Sequence[Any]], list[T]],
) -> list[T] | Blocks[list[T]]:
    """List what belongs to a group, newest first.

    Args:
        conversation_id: the group.
        user_id: a member of it.
        query: a query of `select_of_group`.
        make_block: converts rows to elements of the list.

    Returns:
        one block, or a stream of blocks if the list is long.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, also for a user who is not in it; for long lists
            ``TOO_MANY_REQUESTS``, ``SERVICE_UNAVAILABLE``.
    """

    def fetch_rows(before: int, limit: int) -> Sequence[Any]:
        if not get_access(conversation_id, user_id, errors.CONVERSATION_NOT_FOUND).is_member:
            raise ApiError(errors.CONVERSATION_NOT_FOUND)
        return db.execute(query, conversation=conversation_id, before=before, limit=limit).all()

    def iter_blocks(rows: Sequence[Any]) -> Iterator[list[T]]:
        while rows:
            oldest_id = rows[-1].id
            yield make_block(rows)
            rows = fetch_rows(oldest_id, _BLOCK_SIZE)  # The user may have lost access meanwhile.

    rows = fetch_rows(MAX_ID, _BLOCK_SIZE + 1)
    if len(rows) <= _BLOCK_SIZE:
        return make_block(rows)
    blocks: Blocks[list[T]]
    [blocks] = long_reads.admit(user_id, {"list": iter_blocks(rows)}).values()
    return blocks
