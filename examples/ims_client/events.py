"""Events of `Live`."""

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
    """A message of a followed conversation was deleted, possibly one that was never yielded."""

    conversation_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A followed conversation is no longer accessible to this account, nor followed."""

    conversation_id: int


@dataclass(frozen=True, slots=True)
class Told:
    """A hint that other data has changed: the received frame. Hints can be lost."""

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
