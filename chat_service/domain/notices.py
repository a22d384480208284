"""What people with an open socket are told, once the running transaction has been committed.

Each function belongs to one kind of deed and is called inside its transaction.
"""

from typing import Any, Final

# Stands for the public base in the URLs of a message that is told: each socket sees its own.
# It is a character that no text of the API may contain.
PUBLIC_BASE: Final = "\0"


def message_sent(conversation_id: int, sender_id: int, message: dict[str, Any]) -> None:
    """A message came: everybody in the conversation, the sender too.

    Args:
        conversation_id: where.
        sender_id: whose message it is.
        message: it whole, as reading messages shows it, its URLs built upon `PUBLIC_BASE`.
    """


def message_deleted(conversation_id: int, deleter_id: int, message_id: int) -> None:
    """A message is gone for everybody."""


def read_position_moved(
    conversation_id: int, user_id: int, read_seq: int, *, is_group: bool
) -> None:
    """Somebody has read further: every other member, in groups at most once a second."""


def conversation_changed(conversation_id: int, members: tuple[int, ...] = ()) -> None:
    """Its name or picture changed, or it came to be (or opened again): every member.

    Args:
        conversation_id: which.
        members: everybody in it, if it came to be.
    """


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
