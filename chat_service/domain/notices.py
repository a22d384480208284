"""What people with an open socket are told, once the running transaction has been committed.

Each function belongs to one kind of deed and is called inside its transaction; of a burst, who
is out learns it first, and invitations come last. What other services tell of comes by events.
"""

from collections.abc import Collection
from functools import partial
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from chat_service.db import db
from chat_service.domain.accounts import Person, accounts
from chat_service.domain.listening import live
from chat_service.domain.messages import MessageRow
from chat_service.live.frames import Frame, Notice

_FIRST_TO_LAST = {"remove_members": 0, "invitation_message": 2}


def message_sent(message: MessageRow, sender: Person, *, is_group: bool) -> None:
    """A message came: everybody in the conversation, the sender too."""
    frame = {"row": message._asdict(), "sender": sender._asdict(), "is_group": is_group}
    _notify(message.conversation_id, sender.id, message=frame)


def message_deleted(conversation_id: int, deleter_id: int, message_id: int) -> None:
    """A message is gone for everybody."""
    _notify(conversation_id, deleter_id, deleted_message_id=message_id)


def read_position_moved(
    conversation_id: int, user_id: int, read_seq: int, *, is_group: bool
) -> None:
    """Somebody has read further: every other member, in groups at most once a second."""
    frame = _about(conversation_id, "already_read", user_id=user_id, read_seq=read_seq)
    _tell(Notice(frame=frame, room=conversation_id, actor=user_id, eased=is_group))


def conversation_changed(conversation_id: int, members: Collection[int] = ()) -> None:
    """Its name or picture changed, or it came to be (or opened again): every member.

    Args:
        conversation_id: which.
        members: everybody in it, if it came to be.
    """
    _tell(Notice(frame={"type": "conv_setting"}, room=conversation_id, joined=members))


def own_setting_changed(user_id: int) -> None:
    """Somebody pinned or muted a conversation: their own sockets."""
    _tell(Notice(frame={"type": "conv_setting"}, people=(user_id,)))


def members_changed(conversation_id: int, joined: Collection[int] = ()) -> None:
    """Joined, left, removed, or another role: every member (as of now, with ``joined``).

    Clients list the conversation of those who joined when ``conv_setting`` comes, and not before.
    """
    if joined:
        _tell(Notice(frame={"type": "conv_setting"}, people=joined))
    frame = _about(conversation_id, "modify_members")
    _tell(Notice(frame=frame, room=conversation_id, joined=joined))


def members_out(conversation_id: int, out: Collection[int], left_by_themselves: int | None) -> None:
    """``out`` are in no longer; the one who left or dissolved is told that it was they."""
    told, told_themselves = ({"type": "remove_members", "is_own": own} for own in (False, True))
    _tell(Notice(frame=told, people=out, actor=left_by_themselves, to_actor=told_themselves))
    _tell(Notice(room=conversation_id, out=out))


def announcements_changed(conversation_id: int) -> None:
    """An announcement was posted or deleted: every member."""
    _tell(Notice(frame=_about(conversation_id, "notification_message"), room=conversation_id))


def invitations_changed(conversation_id: int) -> None:
    """Somebody was invited, or an invitation was handled: every member."""
    _tell(Notice(frame=_about(conversation_id, "invitation_message"), room=conversation_id))


def account_told(state: dict[str, Any]) -> None:
    """Take an account's state; sockets of ended sessions and deleted accounts end, unannounced.

    Friends and fellow members are told of another name or picture.

    Raises:
        ValidationError: it is no state of an account.
    """
    is_new_profile = accounts.changes_profile(state)
    accounts.apply(state)
    if is_new_profile:
        live.announce_profile(state["id"])
    generation, ends = state["generation"], state.get("session_ends", "")
    if generation or ends:
        ended = Notice(people=(state["id"],), generation=generation, session_ends=ends)
        live.publish([ended])


def friend_request_changed(state: dict[str, Any]) -> None:
    """A friend request came, was accepted or refused: sender and receiver.

    The two are one account for a request of which the receiver is not told.

    Raises:
        ValidationError: the event does not name them.
    """
    people = tuple(set(_REQUEST.load(state).values()))
    live.publish([Notice(frame={"type": "request_message"}, people=people)])


def friendship_ended(state: dict[str, Any]) -> None:
    """Two people are friends no longer: both.

    Raises:
        ValidationError: the event does not name them.
    """
    people = tuple(_PAIR.load(state).values())
    live.publish([Notice(frame={"type": "delete_friend"}, people=people)])


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


def _notify(conversation_id: int, actor: int, **what: Any) -> None:
    theirs, own = (
        _about(conversation_id, "notify", is_own=is_own, **what) for is_own in (False, True)
    )
    _tell(Notice(frame=theirs, room=conversation_id, actor=actor, to_actor=own))


def _about(conversation_id: int, kind: str, **more: Any) -> Frame:
    return {"type": kind, "conversation_id": conversation_id, **more}


def _tell(notice: Notice) -> None:
    waiting: list[Notice] | None = db.transaction_state.get("notices")
    if waiting is None:
        waiting = db.transaction_state["notices"] = []
        db.after_commit(partial(_publish, waiting))
    waiting.append(notice)


def _publish(notices: list[Notice]) -> None:
    live.publish(sorted(notices, key=_place_in_burst))


def _place_in_burst(notice: Notice) -> int:
    if notice.out:
        return 0
    return _FIRST_TO_LAST.get(notice.frame["type"], 1) if notice.frame else 1
