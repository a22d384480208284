"""Live events, their recipients, and their websocket frames."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from wsproto.frame_protocol import FrameProtocol

Frame = dict[str, Any]
"""A frame with the names of the domain, without URLs."""
Render = Callable[[Frame, str], dict[str, Any]]
"""Converts a frame to the names of the API document, with URLs on a base URL."""
Position = tuple[int, int]
"""Position of an event on the bus: milliseconds, and a number within the millisecond."""

START: Final[Position] = (0, 0)
"""The position before all events."""


class Mark(NamedTuple):
    """A session has acknowledged all events up to ``position``, except ``skipped``.

    Throttled events are skipped: later events were written before them.
    """

    position: Position
    skipped: tuple[Position, ...] = ()

    def covers(self, position: Position) -> bool:
        """Whether the event at ``position`` has been acknowledged."""
        return position <= self.position and position not in self.skipped


GOING_AWAY: Final = 1001
POLICY_VIOLATION: Final = 1008
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013
TOKEN_EXPIRED: Final = 4401
TOO_MANY_CONNECTIONS: Final = 4429
"""Close codes of websockets; those from 4000 on are private."""

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_protocol = FrameProtocol(client=False, extensions=[])


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """An event and its recipients.

    Attributes:
        frame: the frame for the recipients.
        room: the conversation whose members are recipients.
        users: other recipients.
        rooms: conversations whose members are recipients; a member of several gets one frame.
        share: limits ``rooms`` to members whose id modulo ``share[1]`` is ``share[0]``.
        actor: the user who caused the event.
        actor_frame: the frame for the actor instead of ``frame``; None for no frame.
        joined: users whose sockets join the room.
        removed: users whose sockets leave the room before delivery.
        throttled: delayed by up to a second, and replaced by a newer event of the room.
        generation: sockets of ``users`` with a token of an earlier generation are closed.
        session_ends: with ``generation``: sockets of these ended sessions are closed.
        following: an event that has the next position on the bus.
    """

    frame: Frame | None = None
    room: int | None = None
    users: Collection[int] = ()
    rooms: Collection[int] = ()
    share: tuple[int, int] = (0, 1)
    actor: int | None = None
    actor_frame: Frame | None = None
    joined: Collection[int] = ()
    removed: Collection[int] = ()
    throttled: bool = False
    generation: int | None = None
    session_ends: str = ""
    following: "LiveEvent | None" = None

    def to_bytes(self) -> bytes:
        """Encode the event for the bus."""
        return orjson.dumps(self, option=_OPTIONS)

    @classmethod
    def from_bytes(cls, encoded: bytes) -> "LiveEvent":
        """Decode the result of `to_bytes`."""
        fields = orjson.loads(encoded)
        if fields["following"] is not None:
            fields["following"] = cls(**fields["following"])
        return cls(**fields)

    def concerns(self, user_id: int, rooms: Collection[int]) -> bool:
        """Whether a user with these rooms is a recipient."""
        return (
            self.room in rooms
            or user_id in self.users
            or (self.is_share_of(user_id) and any(room in rooms for room in self.rooms))
        )

    def is_share_of(self, user_id: int) -> bool:
        """Whether ``share`` includes a member of ``rooms``."""
        number, shares = self.share
        return user_id % shares == number

    def frame_for(self, user_id: int) -> Frame | None:
        """Get the frame for a recipient."""
        return self.actor_frame if user_id == self.actor else self.frame


class FrameCache:
    """The encoded frames of an event; each is encoded once.

    Args:
        event: the event.
        render: converts a frame to the names of the API document.
    """

    __slots__ = ("_encoded", "_event", "_render")

    def __init__(self, event: LiveEvent, render: Render) -> None:
        self._event = event
        self._render = render
        self._encoded: dict[tuple[bool, str], bytes] = {}

    def for_user(self, user_id: int, base: str) -> bytes:
        """Get the websocket frame for a recipient, or ``b""`` if there is none.

        Args:
            user_id: the recipient.
            base: the base of URLs in the frame.
        """
        key = user_id == self._event.actor, base
        encoded = self._encoded.get(key)
        if encoded is None:
            frame = self._event.frame_for(user_id)
            encoded = b"" if frame is None else _text_frame(self._render(frame, base))
            self._encoded[key] = encoded
        return encoded


EMPTY_PING: Final = bytes(_protocol.ping())
PINGS: Final = tuple(bytes(_protocol.ping(bytes([number]))) for number in range(256))
"""Pings, each with its index as payload."""


def pong_frame(payload: bytes) -> bytes:
    """Encode the reply to a ping."""
    return bytes(_protocol.pong(payload))


def close_frame(code: int) -> bytes:
    """Encode a close frame."""
    return bytes(_protocol.close(code))


def _text_frame(frame: dict[str, Any]) -> bytes:
    return bytes(_protocol.send_data(orjson.dumps(frame, option=_OPTIONS).decode()))
