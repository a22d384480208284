"""Send texts and images. Repeated requests with one client id send one message."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, null, select

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events, media
from chat_service.domain.access import get_access
from chat_service.domain.accounts import Person, accounts
from chat_service.domain.insertion import (
    SENDER,
    InsertConflictError,
    InsertedMessage,
    NewMessage,
    insert_message,
    insertion_parameters,
    insertion_statement,
    parse_insertion,
)
from chat_service.domain.messages import MessageRow
from chat_service.domain.text import is_blank
from chat_service.metrics import messages_sent
from chat_service.models import IMAGE, TEXT, Deletion, Message
from shared.media.decoder import decoder
from shared.media.imaging.container import BadImageError
from shared.web.api import MIB
from shared.web.errors import PAYLOAD_TOO_LARGE, ApiError, bad_parameter
from shared.web.spool import SpoolFile

MAX_TEXT_LENGTH = 255
_MAX_IMAGE_BYTES = 10 * MIB


class SentMessage(NamedTuple):
    """A sent message; ``is_new`` is false if an earlier request with the client id sent it."""

    message_id: int
    seq: int
    created_at: datetime
    is_new: bool


def send_text(
    conversation_id: int,
    sender_id: int,
    content: str,
    reply_to_id: int | None = None,
    client_id: str | None = None,
) -> SentMessage:
    """Send a text.

    Args:
        conversation_id: an open conversation.
        sender_id: a member of it.
        content: 1 to 255 characters, not all of them blank.
        reply_to_id: the message of the conversation that this one replies to.
        client_id: idempotency key among the messages of the sender.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``NOT_IN_CONVERSATION``, ``CONTENT_EMPTY``,
            ``CONTENT_TOO_LONG``, ``CLIENT_ID_USED``, ``REPLY_NOT_FOUND``.
    """
    message = NewMessage(conversation_id, sender_id, TEXT, content, reply_to_id, client_id or None)
    if is_blank(content) or len(content) > MAX_TEXT_LENGTH:
        _load_sender(message, SENDER)
        raise ApiError(errors.CONTENT_EMPTY if is_blank(content) else errors.CONTENT_TOO_LONG)
    return _send(message)


def send_image(
    conversation_id: int, sender_id: int, upload: SpoolFile, client_id: str | None = None
) -> SentMessage:
    """Send an image. It is stored upright, in sRGB and without metadata.

    Args:
        conversation_id: an open conversation.
        sender_id: a member of it.
        upload: the uploaded file.
        client_id: idempotency key among the messages of the sender.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``NOT_IN_CONVERSATION``, ``PAYLOAD_TOO_LARGE``,
            ``BAD_PARAMETER``, ``CLIENT_ID_USED``.
    """
    if not get_access(conversation_id, sender_id, errors.CONVERSATION_NOT_FOUND).is_member:
        raise ApiError(errors.NOT_IN_CONVERSATION)
    if upload.size > _MAX_IMAGE_BYTES:
        raise ApiError(PAYLOAD_TOO_LARGE)
    try:
        picture = decoder.clean(upload, sender_id)
    except BadImageError:
        raise bad_parameter("image") from None
    with media.stored_image(picture) as name:
        message = NewMessage(conversation_id, sender_id, IMAGE, name, None, client_id or None)
        sent = _send(message)
    if not sent.is_new:
        media.delete_image(name)
    return sent


def _load_sender(new: NewMessage, statement: Select[*tuple[Any, ...]]) -> Row[Any]:
    """Load a row of `SENDER` or `insertion_statement`."""
    rows = accounts.execute_for_caller(statement, **insertion_parameters(new))
    if not rows:
        raise ApiError(errors.CONVERSATION_NOT_FOUND)
    [row] = rows
    if row.read_seq is None:
        raise ApiError(errors.NOT_IN_CONVERSATION)
    return row


def _send(new: NewMessage) -> SentMessage:
    # On PostgreSQL one statement does everything in most cases: no round trip extends the lock of
    # a busy conversation.
    with db.autocommit():
        sender = _load_sender(new, SENDER if db.is_sqlite else insertion_statement())
        inserted = None if db.is_sqlite else parse_insertion(sender)
        if inserted is not None:
            return _publish(new, inserted, sender)
    if new.reply_to_id is not None and sender.reply_id is None:
        duplicate = _find_duplicate(new)
        if duplicate is None:
            raise ApiError(errors.REPLY_NOT_FOUND)
        return duplicate
    try:
        with transaction():
            return _publish(new, insert_message(new), sender)
    except InsertConflictError:
        duplicate = _find_duplicate(new)
        if duplicate is None:
            _load_sender(new, SENDER)
            # The sender was removed and added again.
            raise ApiError(errors.NOT_IN_CONVERSATION) from None
        return duplicate


def _publish(new: NewMessage, inserted: InsertedMessage, sender: Row[Any]) -> SentMessage:
    """Publish a message, and the read position that it moved, once it is committed."""
    message = MessageRow(
        id=inserted.id,
        seq=inserted.seq,
        version=inserted.version,
        conversation_id=new.conversation_id,
        type=new.type,
        content=new.content,
        sender_id=new.sender_id,
        created_at=inserted.created_at,
        reply_id=sender.reply_id,
        reply_type=sender.reply_type,
        reply_content=sender.reply_content,
    )
    person = Person(new.sender_id, sender.name, sender.avatar_digest, sender.avatar_reference)
    live_events.message_sent(
        message,
        person,
        is_group=sender.is_group,
        moves_read_position=sender.read_seq < inserted.seq - 1,
    )
    db.after_commit(messages_sent.labels("image" if new.type == IMAGE else "text").inc)
    return SentMessage(inserted.id, inserted.seq, inserted.created_at, is_new=True)


def _find_duplicate(new: NewMessage) -> SentMessage | None:
    """Find the message that was sent with this client id, also if it is deleted.

    Raises:
        ApiError: ``CLIENT_ID_USED``: its content or conversation is another one.
    """
    if new.client_id is None:
        return None
    sent = select(
        Message.id,
        Message.seq,
        Message.created_at,
        Message.conversation_id,
        Message.type,
        Message.content,
    ).where(Message.sender_id == new.sender_id, Message.client_id == new.client_id)
    deleted = select(
        Deletion.message_id,
        Deletion.seq,
        Deletion.created_at,
        Deletion.conversation_id,
        null(),
        null(),
    ).where(Deletion.sender_id == new.sender_id, Deletion.client_id == new.client_id)
    row = db.session.execute(sent.union_all(deleted)).first()
    if row is None:
        return None
    # The content of a deleted message is unknown.
    if row.conversation_id != new.conversation_id or not (row.type is None or _is_equal(row, new)):
        raise ApiError(errors.CLIENT_ID_USED)
    return SentMessage(row.id, row.seq, row.created_at, is_new=False)


def _is_equal(stored: Any, new: NewMessage) -> bool:
    if stored.type == new.type == IMAGE:  # Each upload gets its own file name.
        return media.are_same_image(stored.content, new.content)
    return (stored.type, stored.content) == (new.type, new.content)
