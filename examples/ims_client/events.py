"""What can happen while one listens."""

from dataclasses import dataclass
from typing import Any

from ims_client.models import Message


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message came to a followed conversation: each one once, in the order of the conversation.

    ``is_read``: it is not unread to this account any more.
    """

    message: Message
    is_read: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message of a followed conversation is gone for everybody, maybe one that never arrived."""

    conversation_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A followed conversation is not open to this account any more, and not followed any more."""

    conversation_id: int


@dataclass(frozen=True, slots=True)
class Told:
    """A hint that something is new elsewhere: a frame as it came. Hints may be lost."""

    type: str
    conversation_id: int | None
    fields: dict[str, Any]

    @property
    def message(self) -> Message | None:
        """The message that it tells of, if it is one."""
        return Message.of(self.fields["message"]) if "message" in self.fields else None


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands, and everything followed is up to date."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost; the next attempt comes after ``pause`` seconds."""

    reason: str
    pause: float


Event = Arrived | Deleted | Gone | Told | Connected | Disconnected
