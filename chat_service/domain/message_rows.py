"""A message as it is read from the database, and as people see it."""

from datetime import datetime
from typing import Any, NamedTuple

from chat_service.domain.pictures import media_url
from chat_service.models import IMAGE
from shared.accounts import picture_url


class MessageRow(NamedTuple):
    """A message with its sender and what it replies to; free of the base of any URL.

    ``reply_type`` is None unless it replies to a message that is still there, and
    ``already_read`` is None in groups.
    """

    id: int
    seq: int
    conversation_id: int
    type: int
    content: str
    created_at: datetime
    sender_id: int
    sender_name: str | None
    sender_digest: str | None
    sender_reference: str | None
    reply_id: int | None = None
    reply_type: int | None = None
    reply_content: str | None = None
    already_read: bool | None = None


def as_shown(row: MessageRow, base: str) -> dict[str, Any]:
    """A message as lists and live frames show it, its URLs beginning with ``base``."""
    message: dict[str, Any] = {
        "id": row.id,
        "seq": row.seq,
        "type": row.type,
        "content": content_shown(base, row.type, row.content),
        "senderid": row.sender_id,
        "sendername": row.sender_name or "",
        "senderavatar": sender_picture(base, row),
        "conversation": row.conversation_id,
        "created_time": row.created_at,
    }
    if row.reply_type is not None:
        message["reply_to"] = content_shown(base, row.reply_type, row.reply_content or "")
        message["reply_to_id"] = row.reply_id
        message["reply_to_type"] = row.reply_type
    if row.already_read is not None:
        message["already_read"] = row.already_read
    return message


def content_shown(base: str, kind: int, content: str) -> str:
    """The text of a message, or the URL of its image."""
    return media_url(base, content) if kind == IMAGE else content


def sender_picture(base: str, row: MessageRow) -> str:
    """The ``avatar`` of the one who sent it."""
    digest, reference = row.sender_digest or "", row.sender_reference or ""
    return picture_url(base, row.sender_id, digest, reference)
