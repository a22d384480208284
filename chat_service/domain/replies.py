"""The replies to a message, in blocks if they are many."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, select

from chat_service import errors
from chat_service.db import db
from chat_service.domain.accounts import get_people
from chat_service.domain.history import BLOCK_SIZE, MAX_WHOLE, long_reads
from chat_service.domain.messages import is_visible_to
from chat_service.domain.search import FoundBlock, FoundRow
from chat_service.models import Conversation, Membership, Message
from shared.data.columns import BigId
from shared.web.errors import ApiError
from shared.web.streaming import Blocks


def list_replies(message_id: int, user_id: int) -> FoundBlock | Blocks[FoundBlock]:
    """The replies to a message, oldest first.

    Args:
        message_id: a message that ``user_id`` sees.
        user_id: a member of its conversation.

    Returns:
        the replies, in blocks if they are many.
    """
    replies = _Replies(message_id, user_id)
    version = replies.version()
    rows = replies.rows(version, limit=MAX_WHOLE + 1)
    if len(rows) <= MAX_WHOLE:
        return replies.block(rows)
    blocks: Blocks[FoundBlock]
    [blocks] = long_reads.admit(user_id, {"replies": replies.blocks(version, rows)}).values()
    return blocks


class _Replies(NamedTuple):
    message_id: int
    user_id: int

    def version(self) -> int:
        """The version of the conversation now, if the message is still there to be seen."""
        row = db.run(_VERSION, message=self.message_id, user=self.user_id).first()
        if row is None:
            raise ApiError(errors.MESSAGE_NOT_FOUND)
        version: int = row.version
        return version

    def rows(self, version: int, *, limit: int, after: int = 0) -> list[FoundRow]:
        """The next replies after an id, of those sent up to a version."""
        bounds = {"after": after, "version": version, "limit": limit}
        found = db.run(_REPLIES, message=self.message_id, user=self.user_id, **bounds)
        return list(map(FoundRow._make, found))

    def blocks(self, version: int, rows: list[FoundRow]) -> Iterator[FoundBlock]:
        """All replies, beginning with these rows."""
        while rows:
            after, is_last = rows[-1].id, len(rows) < BLOCK_SIZE
            yield self.block(rows)
            if is_last:
                break
            self.version()
            rows = self.rows(version, limit=BLOCK_SIZE, after=after)

    def block(self, rows: list[FoundRow]) -> FoundBlock:
        """Replies with those who sent them."""
        return FoundBlock(rows, get_people({row.sender_id for row in rows}))


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
