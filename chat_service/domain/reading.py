"""How far people have read: what is unread to them, and what others may know of it."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Update, bindparam, case, func, select, union_all, update
from sqlalchemy.orm import aliased

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import notices
from chat_service.domain.accounts import Person, get_people
from chat_service.domain.messages import visible_to
from chat_service.models import Conversation, Deletion, HiddenMessage, Membership, Message
from shared.data.columns import BigId
from shared.web.errors import ApiError, ErrorSpec

_own, _friend = aliased(Membership), aliased(Membership)
PLACE = (
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
"""The row of a `Place`, for `place_in`."""


def _later(one: Any, other: Any) -> Any:
    return case((one > other, one), else_=other)


def forward_to(seq: Any) -> Update:
    """Move the read positions of a member to ``seq``, never back, and forget the number they set.

    ``user`` and ``conversation`` are parameters; what would move nothing is left alone.
    """
    return (
        update(Membership)
        .where(
            Membership.conversation_id == bindparam("conversation"),
            Membership.user_id == bindparam("user"),
            (Membership.unread_seq < seq)
            | (Membership.read_seq < seq)
            | ((Membership.unread_seq == seq) & (Membership.unread_extra > 0)),
        )
        .values(
            unread_seq=_later(Membership.unread_seq, seq),
            read_seq=_later(Membership.read_seq, seq),
            unread_extra=case((Membership.unread_seq <= seq, 0), else_=Membership.unread_extra),
        )
    )


_FORWARD = forward_to(bindparam("seq", type_=BigId))


class Place(NamedTuple):
    """Where somebody stands in a conversation that they are in.

    ``friend_read_seq`` is how far the other one of a private conversation has read.
    """

    is_group: bool
    last_seq: int
    version: int
    unread_seq: int
    unread_extra: int
    read_seq: int
    friend_read_seq: int | None


def place_of(conversation_id: int, user_id: int, unknown: ErrorSpec, not_in_it: ErrorSpec) -> Place:
    """Where ``user_id`` stands in a conversation.

    Raises:
        ApiError: ``unknown``, if there is no such conversation, or a closed one;
            ``not_in_it``, if they are not in it.
    """
    row = db.run(PLACE, conversation=conversation_id, user=user_id).first()
    return place_in(row, unknown, not_in_it)


def place_in(row: Any | None, unknown: ErrorSpec, not_in_it: ErrorSpec) -> Place:
    """The place that a row with the columns of `PLACE` tells of; see `place_of`."""
    if row is None:
        raise ApiError(unknown)
    if row.read_seq is None:
        raise ApiError(not_in_it)
    return Place(
        is_group=row.is_group,
        last_seq=row.last_seq,
        version=row.version,
        unread_seq=row.unread_seq,
        unread_extra=row.unread_extra,
        read_seq=row.read_seq,
        friend_read_seq=row.friend_read_seq,
    )


def unread_count() -> ColumnElement[int]:
    """The unread messages of a membership that is joined with its conversation, in SQL.

    All messages after the read position, without those that were deleted for everybody or
    hidden by the person (a message that is deleted is no longer hidden), plus what they set.
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
    """Move the read position of somebody up to a message, which may be deleted; never back.

    Args:
        conversation_id: the conversation.
        user_id: a member.
        message_id: a message that was sent to the conversation.
    """
    unknown = errors.CONVERSATION_NOT_FOUND_ZH
    place = place_of(conversation_id, user_id, unknown, not_in_it=unknown)
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
    read_up_to(conversation_id, user_id, seq, place)


def list_readers(message_id: int, user_id: int) -> list[Person]:
    """Who has read a message, beside its sender.

    Args:
        message_id: a message that ``user_id`` sees.
        user_id: a member of its conversation.
    """
    message = db.session.execute(
        select(
            Message.conversation_id,
            Message.seq,
            Message.sender_id,
            Membership.role,
            visible_to(user_id).label("is_visible"),
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


def read_up_to(conversation_id: int, user_id: int, seq: int, place: Place) -> None:
    """Let somebody who stands at ``place`` have read everything up to ``seq``.

    Writes nothing if that moves nothing.
    """
    clears_extra = place.unread_extra > 0 and seq >= place.unread_seq
    if seq <= place.unread_seq and seq <= place.read_seq and not clears_extra:
        return
    with transaction():
        if move_forward(conversation_id, user_id, seq) and seq > place.read_seq:
            notices.read_position_moved(conversation_id, user_id, seq, is_group=place.is_group)


def move_forward(conversation_id: int, user_id: int, seq: int) -> bool:
    """See `forward_to`.

    Returns:
        whether anything moved; not if they are not in the conversation.
    """
    moved = db.run(_FORWARD, conversation=conversation_id, user=user_id, seq=seq)
    return bool(moved.rowcount)


def set_unread_count(session: Any, conversation_id: int, user_id: int, count: int) -> None:
    """Show somebody this number of unread messages; what others know of their reading stays."""
    last_seq = (
        select(Conversation.last_seq).where(Conversation.id == conversation_id).scalar_subquery()
    )
    session.execute(
        update(Membership)
        .where(Membership.conversation_id == conversation_id, Membership.user_id == user_id)
        .values(unread_seq=_later(Membership.unread_seq, last_seq), unread_extra=count)
    )
