"""Live events: sent to open sockets once the running transaction has been committed.

One function per kind of change, called inside its transaction. Of the events of a transaction,
removals are sent first and invitations last. Changes in other services come by their events.
"""

from collections.abc import Collection
from functools import partial
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from chat_service.db import db
from chat_service.domain.accounts import Person, accounts
from chat_service.domain.messages import MessageRow
from chat_service.domain.subscriptions import live
from chat_service.live.frames import Frame, LiveEvent

_EVENT_ORDER = {"remove_members": 0, "invitation_message": 2}


def message_sent(message: MessageRow, sender: Person, *, is_group: bool) -> None:
    """A message was sent: every member, the sender too."""
    frame = {"row": message._asdict(), "sender": sender._asdict(), "is_group": is_group}
    _enqueue_message_event(message.conversation_id, sender.id, message=frame)


def message_deleted(conversation_id: int, deleter_id: int, message_id: int) -> None:
    """A message was deleted: every member."""
    _enqueue_message_event(conversation_id, deleter_id, deleted_message_id=message_id)


def read_position_moved(
    conversation_id: int, user_id: int, read_seq: int, *, is_group: bool
) -> None:
    """A member has read further: every other member, in groups at most once a second."""
    frame = _make_frame(conversation_id, "already_read", user_id=user_id, read_seq=read_seq)
    _enqueue(LiveEvent(frame=frame, room=conversation_id, actor=user_id, throttled=is_group))


def conversation_changed(conversation_id: int, members: Collection[int] = ()) -> None:
    """Its name or picture changed, or it came to be (or opened again): every member.

    Args:
        conversation_id: which.
        members: all members, if it came to be.
    """
    _enqueue(LiveEvent(frame={"type": "conv_setting"}, room=conversation_id, joined=members))


def own_setting_changed(user_id: int) -> None:
    """A user pinned or muted a conversation: the own sockets."""
    _enqueue(LiveEvent(frame={"type": "conv_setting"}, users=(user_id,)))


def members_changed(conversation_id: int, joined: Collection[int] = ()) -> None:
    """Joined, left, removed, or another role: every member (as of now, with ``joined``).

    Clients list the conversation of those who joined when ``conv_setting`` comes, and not before.
    """
    if joined:
        _enqueue(LiveEvent(frame={"type": "conv_setting"}, users=joined))
    frame = _make_frame(conversation_id, "modify_members")
    _enqueue(LiveEvent(frame=frame, room=conversation_id, joined=joined))


def members_removed(
    conversation_id: int, removed: Collection[int], left_voluntarily: int | None
) -> None:
    """``removed`` are no members any more; the one who left or dissolved gets another frame."""
    frame, own_frame = (
        {"type": "remove_members", "is_own": own_frame} for own_frame in (False, True)
    )
    _enqueue(LiveEvent(frame=frame, users=removed, actor=left_voluntarily, actor_frame=own_frame))
    _enqueue(LiveEvent(room=conversation_id, removed=removed))


def announcements_changed(conversation_id: int) -> None:
    """An announcement was posted or deleted: every member."""
    _enqueue(
        LiveEvent(frame=_make_frame(conversation_id, "notification_message"), room=conversation_id)
    )


def invitations_changed(conversation_id: int) -> None:
    """A user was invited, or an invitation was handled: every member."""
    _enqueue(
        LiveEvent(frame=_make_frame(conversation_id, "invitation_message"), room=conversation_id)
    )


def on_account_event(state: dict[str, Any]) -> None:
    """Take an account's state; sockets of ended sessions and deleted accounts end, unannounced.

    Friends and fellow members get an event about another name or picture.

    Raises:
        ValidationError: it is no state of an account.
    """
    is_new_profile = accounts.changes_profile(state)
    accounts.apply(state)
    if is_new_profile:
        live.announce_profile(state["id"])
    generation, ends = state["generation"], state.get("session_ends", "")
    if generation or ends:
        ended = LiveEvent(users=(state["id"],), generation=generation, session_ends=ends)
        live.publish([ended])


def friend_request_changed(state: dict[str, Any]) -> None:
    """A friend request came, was accepted or refused: sender and receiver.

    The two are one account for a request that is withheld from the receiver.

    Raises:
        ValidationError: the event does not name them.
    """
    users = tuple(set(_REQUEST.load(state).values()))
    live.publish([LiveEvent(frame={"type": "request_message"}, users=users)])


def friendship_ended(state: dict[str, Any]) -> None:
    """Two people are friends no longer: both.

    Raises:
        ValidationError: the event does not name them.
    """
    users = tuple(_PAIR.load(state).values())
    live.publish([LiveEvent(frame={"type": "delete_friend"}, users=users)])


class _Request(Schema):
    class Meta:
        unknown = EXCLUDE

    sender_id = fields.Integer(required=True, strict=True)
    receiver_id = fields.Integer(required=True, strict=True)


class _Pair(Schema):
    class Meta:
        unknown = EXCLUDE

    low_id = fields.Integer(required=True, strict=True)
    high_id = fields.Integer(required=True, strict=True)


_REQUEST = _Request()
_PAIR = _Pair()


def _enqueue_message_event(conversation_id: int, actor: int, **what: Any) -> None:
    frame, own_frame = (
        _make_frame(conversation_id, "notify", is_own=is_own, **what) for is_own in (False, True)
    )
    _enqueue(LiveEvent(frame=frame, room=conversation_id, actor=actor, actor_frame=own_frame))


def _make_frame(conversation_id: int, kind: str, **more: Any) -> Frame:
    return {"type": kind, "conversation_id": conversation_id, **more}


def _enqueue(event: LiveEvent) -> None:
    waiting: list[LiveEvent] | None = db.transaction_state.get("live_events")
    if waiting is None:
        waiting = db.transaction_state["live_events"] = []
        db.after_commit(partial(_publish, waiting))
    waiting.append(event)


def _publish(events: list[LiveEvent]) -> None:
    live.publish(sorted(events, key=_order_in_batch))


def _order_in_batch(event: LiveEvent) -> int:
    if event.removed:
        return 0
    return _EVENT_ORDER.get(event.frame["type"], 1) if event.frame else 1
