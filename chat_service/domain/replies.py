"""Replies to a message; long lists are streamed in blocks."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, select

from chat_service import errors
from chat_service.db import db
from chat_service.domain.accounts import get_people
from chat_service.domain.history import BLOCK_SIZE, MAX_WHOLE, long_reads
from chat_service.domain.messages import is_visible_to
from chat_service.domain.search import SummaryBlock, SummaryRow
from chat_service.models import Conversation, Membership, Message
from shared.data.columns import BigId
from shared.web.errors import ApiError
from shared.web.streaming import Blocks


def list_replies(message_id: int, user_id: int) -> SummaryBlock | Blocks[SummaryBlock]:
    """List the replies to a message, oldest first.

    Args:
        message_id: the message.
        user_id: a member of its conversation.

    Returns:
        one block, or a stream of blocks.

    Raises:
        ApiError: ``MESSAGE_NOT_FOUND``; for long lists ``TOO_MANY_REQUESTS``,
            ``SERVICE_UNAVAILABLE``.
    """
    replies = _Replies(message_id, user_id)
    version = replies.get_version()
    rows = replies.fetch_rows(version, limit=MAX_WHOLE + 1)
    if len(rows) <= MAX_WHOLE:
        return replies.make_block(rows)
    blocks: Blocks[SummaryBlock]
    [blocks] = long_reads.admit(user_id, {"replies": replies.iter_blocks(version, rows)}).values()
    return blocks


class _Replies(NamedTuple):
    message_id: int
    user_id: int

    def get_version(self) -> int:
        """Get the version of the conversation, if the message is visible to the user."""
        row = db.execute(_VERSION, message=self.message_id, user=self.user_id).first()
        if row is None:
            raise ApiError(errors.MESSAGE_NOT_FOUND)
        version: int = row.version
        return version

    def fetch_rows(self, version: int, *, limit: int, after: int = 0) -> list[SummaryRow]:
        """Fetch the next replies after an id, up to a version."""
        bounds = {"after": after, "version": version, "limit": limit}
        result = db.execute(_REPLIES, message=self.message_id, user=self.user_id, **bounds)
        return list(map(SummaryRow._make, result.all()))

    def iter_blocks(self, version: int, rows: list[SummaryRow]) -> Iterator[SummaryBlock]:
        """Iterate over all replies in blocks, beginning with these rows."""
        while rows:
            after, is_last = rows[-1].id, len(rows) < BLOCK_SIZE
            yield self.make_block(rows)
            if is_last:
                break
            self.get_version()  # The user may have lost access.
            rows = self.fetch_rows(version, limit=BLOCK_SIZE, after=after)

    def make_block(self, rows: list[SummaryRow]) -> SummaryBlock:
        """Add the profiles of the senders to replies."""
        return SummaryBlock(rows, get_people({row.sender_id for row in rows}))


_MESSAGE, _USER = bindparam("message", type_=BigId), bindparam("user", type_=BigId)
_VERSION = (
    select(Conversation.version)
    .join(Message, Message.conversation_id == Conversation.id)
    .join(
        Membership,
        (Membership.conversation_id == Conversation.id) & (Membership.user_id == _USER),
    )
    .where(Message.id == _MESSAGE, Conversation.is_open, is_visible_to(_USER))
)
_REPLIES = (
    select(Message.id, Message.type, Message.content, Message.sender_id, Message.created_at)
    .where(
        Message.reply_to_id == _MESSAGE,
        Message.id > bindparam("after", type_=BigId),
        Message.version <= bindparam("version", type_=BigId),
        is_visible_to(_USER),
    )
    .order_by(Message.id)
    .limit(bindparam("limit", type_=Integer))
)
