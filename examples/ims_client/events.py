"""Events of `Live`."""

from dataclasses import dataclass
from typing import Any

from ims_client.models import Message


@dataclass(frozen=True, slots=True)
class Arrived:
    """A new message of a followed conversation: each one once, in the order of the conversation.

    ``is_read``: this account has read it.
    """

    message: Message
    is_read: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message of a followed conversation was deleted, possibly one that was never yielded."""

    conversation_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A followed conversation is no longer accessible to this account, nor followed."""

    conversation_id: int


@dataclass(frozen=True, slots=True)
class Hint:
    """Other data has changed: the received frame. Hints can be lost."""

    type: str
    conversation_id: int | None
    fields: dict[str, Any]

    @property
    def message(self) -> Message | None:
        """The new message that the frame contains, if any."""
        return Message.of(self.fields["message"]) if "message" in self.fields else None


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection is open, and all followed conversations are up to date."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost; the next attempt is after ``pause`` seconds."""

    reason: str
    pause: float


Event = Arrived | Deleted | Gone | Hint | Connected | Disconnected
