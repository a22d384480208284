"""Models of the API: plain values, with times in UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Account:
    """The profile of the account."""

    id: int
    name: str
    email: str
    user_info: str

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Account":
        """Read it from an answer."""
        return cls(fields["id"], fields["name"], fields["email"], fields["user_info"])


@dataclass(frozen=True, slots=True)
class User:
    """Another user, found by a search or in the list of friends."""

    id: int
    name: str
    email: str
    is_friend: bool
    is_deleted: bool

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "User":
        """Read one from a search, or from the list of friends."""
        return cls(
            fields.get("user_id") or fields["id"],
            fields["name"],
            fields["email"],
            fields.get("is_friend", True),
            fields["deleted"],
        )


@dataclass(frozen=True, slots=True)
class Blocked:
    """A blocked user."""

    id: int
    name: str
    blocked_at: datetime

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Blocked":
        """Read one from the list of blocks."""
        blocked_at = datetime.fromisoformat(fields["created_at"])
        return cls(fields["id"], fields["name"], blocked_at)


@dataclass(frozen=True, slots=True)
class FriendRequest:
    """A friend request."""

    sender_id: int
    sender_name: str
    message: str
    is_waiting: bool

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "FriendRequest":
        """Read one from the list of requests."""
        return cls(
            fields["sender_user_id"],
            fields["user_name"],
            fields["message"],
            fields["status"] == 0,
        )


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation in the user's list; only private ones have a ``friend_id``."""

    id: int
    name: str
    avatar: str
    is_group: bool
    friend_id: int | None
    is_pinned: bool
    unread_count: int
    last_message: str
    last_message_at: datetime | None

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Conversation":
        """Read one from the list."""
        last_message_time = fields["last_message_time"]
        return cls(
            fields["id"],
            fields["name"],
            fields["avatar"],
            fields["is_chat_group"],
            fields.get("friend_id"),
            fields["is_top"],
            fields["unread_count"],
            fields["last_message"],
            _time(last_message_time) if last_message_time else None,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """A message; ``seq`` counts the messages ever sent in its conversation.

    ``version`` is the conversation's with this message.
    The ``content`` of an image is its URL. ``reply_to_*`` is the message that it replies to,
    if it still exists.
    """

    id: int
    seq: int
    version: int
    conversation_id: int
    sender_id: int
    sender_name: str
    sender_avatar: str
    is_image: bool
    content: str
    sent_at: datetime
    reply_to_id: int | None
    reply_to: str | None

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Message":
        """Read one from a page or a frame."""
        return cls(
            fields["id"],
            fields["seq"],
            fields["version"],
            fields["conversation"],
            fields["senderid"],
            fields["sendername"],
            fields["senderavatar"],
            fields["type"] == 1,
            fields["content"],
            _time(fields["created_time"]),
            fields.get("reply_to_id"),
            fields.get("reply_to"),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, oldest first, up to a ``version`` of their conversation.

    ``deleted_ids`` are the messages deleted between the version asked for and this one.
    """

    messages: list[Message]
    deleted_ids: list[int]
    version: int

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Page":
        """Read one from an answer."""
        messages = [Message.of(each) for each in fields["messages"]]
        return cls(messages, fields["deleted_ids"], fields["version"])


@dataclass(frozen=True, slots=True)
class Change:
    """Changes of a conversation up to the version of the page, and whether there are later ones."""

    conversation: Conversation
    page: Page
    has_more: bool

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Change":
        """Read one from an answer."""
        return cls(Conversation.of(fields), Page.of(fields), fields["has_more"])


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of several conversations; the account has no access to those in ``gone``."""

    changed: list[Change]
    gone: list[int]

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Changes":
        """Read them from an answer."""
        return cls([Change.of(each) for each in fields["conversations"]], fields["gone"])


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A message found by a filter."""

    id: int
    sender_id: int
    sender_name: str
    content: str
    sent_at: datetime

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "SearchResult":
        """Read one from the results."""
        return cls(
            fields["id"],
            fields["sender_id"],
            fields["sender_name"],
            fields["content"],
            _time(fields["timestamp"]),
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """The result of a send."""

    message_id: int
    seq: int
    sent_at: datetime

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Sent":
        """Read it from an answer."""
        return cls(fields["message_id"], fields["seq"], _time(fields["created_time"]))


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a conversation; ``role``: 1 owner, 2 admin, 3 member, None in private ones."""

    id: int
    name: str
    role: int | None

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Member":
        """Read one from the list of members."""
        return cls(fields["id"], fields["name"], fields.get("identity"))


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to a group; ``status``: 0 pending, 1 rejected, 2 accepted, 3 obsolete."""

    id: int
    conversation_id: int
    sender_name: str
    receiver_id: int
    receiver_name: str
    status: int

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Invitation":
        """Read one from the list of invitations."""
        return cls(
            fields["invite_id"],
            fields["conversation_id"],
            fields["sender_name"],
            fields["receiver_id"],
            fields["receiver_name"],
            fields["status"],
        )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
