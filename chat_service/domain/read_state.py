"""Read positions: the unread count of a member, and the receipts that other members see."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, func, select, union_all, update
from sqlalchemy.orm import aliased

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events
from chat_service.domain.accounts import Person, accounts, get_people
from chat_service.domain.messages import is_visible_to
from chat_service.models import Conversation, Deletion, HiddenMessage, Membership, Message
from shared.data.columns import BigId
from shared.web.errors import ApiError, ErrorSpec

_own, _friend = aliased(Membership), aliased(Membership)
_READ_STATE = accounts.with_caller(
    select(
        Conversation.is_group,
        Conversation.last_seq,
        Conversation.version,
        _own.unread_seq,
        _own.unread_extra,
        _own.read_seq,
        _friend.read_seq.label("friend_read_seq"),
    )
    .outerjoin(
        _own, (_own.conversation_id == Conversation.id) & (_own.user_id == bindparam("user"))
    )
    .outerjoin(
        _friend,
        ~Conversation.is_group
        & (_friend.conversation_id == Conversation.id)
        & (_friend.user_id != bindparam("user")),
    )
    .where(Conversation.id == bindparam("conversation"), Conversation.is_open)
)


def _greatest(one: Any, other: Any) -> Any:
    return case((one > other, one), else_=other)


_SEQ = bindparam("seq", type_=BigId)
_ADVANCE = (
    update(Membership)
    .where(
        Membership.conversation_id == bindparam("conversation"),
        Membership.user_id == bindparam("user"),
        (Membership.unread_seq < _SEQ)
        | (Membership.read_seq < _SEQ)
        | ((Membership.unread_seq == _SEQ) & (Membership.unread_extra > 0)),
    )
    .values(
        unread_seq=_greatest(Membership.unread_seq, _SEQ),
        read_seq=_greatest(Membership.read_seq, _SEQ),
        unread_extra=case((Membership.unread_seq <= _SEQ, 0), else_=Membership.unread_extra),
    )
)


class ReadState(NamedTuple):
    """The read positions of a member, and the state of the conversation.

    ``friend_read_seq`` is the read position of the friend, None in groups.
    """

    is_group: bool
    last_seq: int
    version: int
    unread_seq: int
    unread_extra: int
    read_seq: int
    friend_read_seq: int | None


def get_read_state(
    conversation_id: int, user_id: int, not_found: ErrorSpec, not_member: ErrorSpec
) -> ReadState:
    """Get a member's read state in a conversation.

    Raises:
        ApiError: ``not_found``: the conversation does not exist or is closed;
            ``not_member``: the user is not in it.
    """
    rows = accounts.execute_for_caller(_READ_STATE, conversation=conversation_id, user=user_id)
    if not rows:
        raise ApiError(not_found)
    # For a stranger to a private conversation there is a row for each of its two members.
    row = rows[0]
    if row.read_seq is None:
        raise ApiError(not_member)
    return ReadState(
        is_group=row.is_group,
        last_seq=row.last_seq,
        version=row.version,
        unread_seq=row.unread_seq,
        unread_extra=row.unread_extra,
        read_seq=row.read_seq,
        friend_read_seq=row.friend_read_seq,
    )


def unread_count() -> ColumnElement[int]:
    """Build the unread count of a membership that is joined with its conversation.

    It is the number of messages after the read position, minus those deleted for all members,
    minus those hidden by the member (a deleted message is not hidden), plus ``unread_extra``.
    """
    deleted = select(func.count()).where(
        Deletion.conversation_id == Membership.conversation_id,
        Deletion.seq > Membership.unread_seq,
    )
    hidden = select(func.count()).where(
        HiddenMessage.user_id == Membership.user_id,
        HiddenMessage.conversation_id == Membership.conversation_id,
        HiddenMessage.seq > Membership.unread_seq,
    )
    return (
        Conversation.last_seq
        - Membership.unread_seq
        - deleted.correlate(Membership).scalar_subquery()
        - hidden.correlate(Membership).scalar_subquery()
        + Membership.unread_extra
    )


def mark_read(conversation_id: int, user_id: int, message_id: int) -> None:
    """Advance a member's read position to a message, never back.

    Args:
        conversation_id: an open conversation.
        user_id: a member of it.
        message_id: a message of the conversation; it may be deleted.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND_ZH``, ``MESSAGE_NOT_FOUND_ZH``.
    """
    not_found = errors.CONVERSATION_NOT_FOUND_ZH
    read_state = get_read_state(conversation_id, user_id, not_found, not_member=not_found)
    seq = db.session.scalar(
        union_all(
            *(
                select(table.seq).where(key == message_id, table.conversation_id == conversation_id)
                for table, key in ((Message, Message.id), (Deletion, Deletion.message_id))
            )
        )
    )
    if seq is None:
        raise ApiError(errors.MESSAGE_NOT_FOUND_ZH)
    mark_read_up_to(conversation_id, user_id, seq, read_state)


def list_readers(message_id: int, user_id: int) -> list[Person]:
    """List the members who have read a message, without its sender, by id.

    Raises:
        ApiError: ``MESSAGE_NOT_FOUND_ZH``, ``NO_ACCESS_BAD_REQUEST``.
    """
    message = db.session.execute(
        select(
            Message.conversation_id,
            Message.seq,
            Message.sender_id,
            Membership.role,
            is_visible_to(user_id).label("is_visible"),
        )
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(
            Membership,
            (Membership.conversation_id == Conversation.id) & (Membership.user_id == user_id),
        )
        .where(Message.id == message_id, Conversation.is_open)
    ).first()
    if message is None or not message.is_visible:
        raise ApiError(errors.MESSAGE_NOT_FOUND_ZH)
    if message.role is None:
        raise ApiError(errors.NO_ACCESS_BAD_REQUEST)
    reader_ids = db.session.scalars(
        select(Membership.user_id)
        .where(
            Membership.conversation_id == message.conversation_id,
            Membership.read_seq >= message.seq,
            Membership.user_id != message.sender_id,
        )
        .order_by(Membership.user_id)
    ).all()
    return list(get_people(reader_ids).values())


def mark_read_up_to(conversation_id: int, user_id: int, seq: int, read_state: ReadState) -> None:
    """Advance the read position of a member with this ``read_state`` to ``seq``.

    Writes nothing if nothing changes.
    """
    clears_extra = read_state.unread_extra > 0 and seq >= read_state.unread_seq
    if seq <= read_state.unread_seq and seq <= read_state.read_seq and not clears_extra:
        return
    with transaction():
        if advance_read_position(conversation_id, user_id, seq) and seq > read_state.read_seq:
            live_events.read_position_moved(
                conversation_id, user_id, seq, is_group=read_state.is_group
            )


def advance_read_position(conversation_id: int, user_id: int, seq: int) -> bool:
    """Advance the read positions of a member to ``seq``, never back.

    It clears an unread count that the member set.

    Returns:
        whether a position changed; false for a user who is not a member.
    """
    result = db.execute(_ADVANCE, conversation=conversation_id, user=user_id, seq=seq)
    return bool(result.rowcount)


def set_unread_count(conversation_id: int, user_id: int, count: int) -> None:
    """Set the unread count that a member sees, and leave the receipts unchanged."""
    last_seq = (
        select(Conversation.last_seq).where(Conversation.id == conversation_id).scalar_subquery()
    )
    db.session.execute(
        update(Membership)
        .where(Membership.conversation_id == conversation_id, Membership.user_id == user_id)
        .values(unread_seq=_greatest(Membership.unread_seq, last_seq), unread_extra=count)
    )
