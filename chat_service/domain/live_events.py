"""Live events, published to open sockets after the commit of the running transaction.

There is one function for each kind of change, called inside its transaction. Of the events of a
transaction, removals are sent first and invitations last. Events of other services are published
when they arrive.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from chat_service.db import db
from chat_service.domain.accounts import Person, accounts
from chat_service.domain.messages import MessageRow
from chat_service.domain.subscriptions import live
from chat_service.live.frames import Frame, LiveEvent

_EVENT_ORDER = {"remove_members": 0, "invitation_message": 2}


def message_sent(
    message: MessageRow, sender: Person, *, is_group: bool, moves_read_position: bool
) -> None:
    """Publish a new message to all members, also to the sender.

    Args:
        message: the message.
        sender: its sender.
        is_group: whether it is in a group.
        moves_read_position: whether it also moves the sender's, over messages of others.
    """
    conversation_id = message.conversation_id
    frame = {"row": message._asdict(), "sender": sender._asdict(), "is_group": is_group}
    event = _make_message_event(conversation_id, sender.id, message=frame)
    if moves_read_position:
        read = _make_read_event(conversation_id, sender.id, message.seq, is_group=is_group)
        event = replace(event, following=read)
    _enqueue(event)


def message_deleted(conversation_id: int, deleter_id: int, message_id: int) -> None:
    """Publish the deletion of a message to all members."""
    _enqueue(_make_message_event(conversation_id, deleter_id, deleted_message_id=message_id))


def read_position_moved(
    conversation_id: int, user_id: int, read_seq: int, *, is_group: bool
) -> None:
    """Publish a new read position to the other members, in groups at most once per second."""
    _enqueue(_make_read_event(conversation_id, user_id, read_seq, is_group=is_group))


def conversation_changed(conversation_id: int, members: Collection[int] = ()) -> None:
    """Publish a change of name or picture, or a new or reopened conversation, to all members.

    Args:
        conversation_id: the conversation.
        members: all members of a new or reopened conversation, which its room lacks.
    """
    _enqueue(LiveEvent(frame={"type": "conv_setting"}, room=conversation_id, joined=members))


def own_setting_changed(user_id: int) -> None:
    """Publish that a user pinned or muted a conversation to the sockets of the user."""
    _enqueue(LiveEvent(frame={"type": "conv_setting"}, users=(user_id,)))


def members_changed(conversation_id: int, joined: Collection[int] = ()) -> None:
    """Publish a change of members or roles to all members, including ``joined``.

    Clients of new members add the conversation to the list on ``conv_setting`` only.
    """
    if joined:
        _enqueue(LiveEvent(frame={"type": "conv_setting"}, users=joined))
    frame = _make_frame(conversation_id, "modify_members")
    _enqueue(LiveEvent(frame=frame, room=conversation_id, joined=joined))


def members_removed(conversation_id: int, removed: Collection[int], leaver_id: int | None) -> None:
    """Publish the removal of members to them, and remove their sockets from the room.

    Args:
        conversation_id: the conversation.
        removed: the removed members.
        leaver_id: the one who left or dissolved the group, who gets another frame.
    """
    frame, own_frame = ({"type": "remove_members", "is_own": is_own} for is_own in (False, True))
    _enqueue(LiveEvent(frame=frame, users=removed, actor=leaver_id, actor_frame=own_frame))
    _enqueue(LiveEvent(room=conversation_id, removed=removed))


def announcements_changed(conversation_id: int) -> None:
    """Publish that an announcement was posted or deleted to all members."""
    _enqueue(
        LiveEvent(frame=_make_frame(conversation_id, "notification_message"), room=conversation_id)
    )


def invitations_changed(conversation_id: int) -> None:
    """Publish that an invitation was sent or handled to all members."""
    _enqueue(
        LiveEvent(frame=_make_frame(conversation_id, "invitation_message"), room=conversation_id)
    )


def on_account_event(state: dict[str, Any]) -> None:
    """Apply an account's state, and close the sockets of ended sessions and deleted accounts.

    A new name or picture is published to the members of the user's conversations.

    Raises:
        ValidationError: ``state`` is not the state of an account.
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
    """Publish a change of a friend request to its sender and receiver.

    Both are the sender if the request is withheld from the receiver.

    Raises:
        ValidationError: ``state`` lacks one of the ids.
    """
    users = tuple(set(_REQUEST.load(state).values()))
    live.publish([LiveEvent(frame={"type": "request_message"}, users=users)])


def friendship_ended(state: dict[str, Any]) -> None:
    """Publish the end of a friendship to both users.

    Raises:
        ValidationError: ``state`` lacks one of the ids.
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


def _make_message_event(conversation_id: int, actor: int, **content: Any) -> LiveEvent:
    frame, own_frame = (
        _make_frame(conversation_id, "notify", is_own=is_own, **content) for is_own in (False, True)
    )
    return LiveEvent(frame=frame, room=conversation_id, actor=actor, actor_frame=own_frame)


def _make_read_event(
    conversation_id: int, user_id: int, read_seq: int, *, is_group: bool
) -> LiveEvent:
    frame = _make_frame(conversation_id, "already_read", user_id=user_id, read_seq=read_seq)
    return LiveEvent(frame=frame, room=conversation_id, actor=user_id, throttled=is_group)


def _make_frame(conversation_id: int, kind: str, **more: Any) -> Frame:
    return {"type": kind, "conversation_id": conversation_id, **more}


def _enqueue(event: LiveEvent) -> None:
    events: list[LiveEvent] | None = db.transaction_state.get("live_events")
    if events is None:
        events = db.transaction_state["live_events"] = []
        db.after_commit(partial(_publish, events))
    events.append(event)


def _publish(events: list[LiveEvent]) -> None:
    live.publish(sorted(events, key=_order_in_batch))


def _order_in_batch(event: LiveEvent) -> int:
    if event.removed:
        return 0
    return _EVENT_ORDER.get(event.frame["type"], 1) if event.frame else 1
