"""What people with an open socket are told, once the running transaction has been committed.

Each function belongs to one kind of deed and is called inside its transaction.
"""

from typing import Any


def message_sent(conversation_id: int, sender_id: int, message: dict[str, Any]) -> None:
    """A message came: everybody in the conversation, the sender too."""


def message_deleted(conversation_id: int, deleter_id: int, message_id: int) -> None:
    """A message is gone for everybody."""


def read_position_moved(conversation_id: int, user_id: int, read_seq: int) -> None:
    """Somebody has read further: every other member."""


def conversation_changed(conversation_id: int) -> None:
    """Its name or picture changed, or it came to be: every member."""


def own_setting_changed(user_id: int, conversation_id: int) -> None:
    """Somebody pinned or muted a conversation: their own sockets."""


def members_changed(conversation_id: int, joined: tuple[int, ...] = ()) -> None:
    """Joined, left, removed, or another role: every member (as of now, with ``joined``)."""


def members_out(conversation_id: int, out: tuple[int, ...], left_by_themselves: int | None) -> None:
    """``out`` are in no longer; the one who left or dissolved is told that it was they."""


def announcements_changed(conversation_id: int) -> None:
    """An announcement was posted or deleted: every member."""


def invitations_changed(conversation_id: int) -> None:
    """Somebody was invited, or an invitation was handled: every member."""
