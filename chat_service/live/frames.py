"""Live events and their recipients, and the frames that are made of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from wsproto.frame_protocol import FrameProtocol

Frame = dict[str, Any]
"""In the words of the domain, without URLs."""
Render = Callable[[Frame, str], dict[str, Any]]
"""Writes a frame in the contract's words, its URLs upon a public base."""
Position = tuple[int, int]
"""Place of an event on the bus: the millisecond it came, and its number within that."""

START: Final[Position] = (0, 0)
"""Before every event."""


class Mark(NamedTuple):
    """What a session has acknowledged: everything up to ``position``, except ``skipped``.

    Skipped are events that were held back when what came after them was written.
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
"""Codes with which a connection is closed; those from 4000 on are ours."""

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_protocol = FrameProtocol(client=False, extensions=[])


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """One thing that happened, and who learns of it.

    Attributes:
        frame: what the recipients get.
        room: the conversation whose members are recipients.
        users: other recipients, by account.
        rooms: conversations whose members are recipients, each once ...
        share: ... if their id is ``share[0]`` modulo ``share[1]``.
        actor: the user who caused it.
        actor_frame: what the actor gets instead; None: nothing.
        joined: who is in the room from now on.
        removed: who is in the room no longer, and gets none of its events any more.
        throttled: it may wait for a second and give way to a newer one of the same room.
        generation: the sockets of ``users`` with tokens of an earlier generation end,
        session_ends: and with it those of these sessions.
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

    def to_bytes(self) -> bytes:
        """It as the bus carries it."""
        return orjson.dumps(self, option=_OPTIONS)

    @classmethod
    def from_bytes(cls, packed: bytes) -> "LiveEvent":
        """What `to_bytes` made."""
        return cls(**orjson.loads(packed))

    def concerns(self, user_id: int, rooms: Collection[int]) -> bool:
        """Whether a user who is in ``rooms`` is a recipient."""
        return (
            self.room in rooms
            or user_id in self.users
            or (self.is_share_of(user_id) and any(room in rooms for room in self.rooms))
        )

    def is_share_of(self, user_id: int) -> bool:
        """Whether a member of ``rooms`` is a recipient."""
        number, shares = self.share
        return user_id % shares == number

    def frame_for(self, user_id: int) -> Frame | None:
        """The frame for a user, who is a recipient."""
        return self.actor_frame if user_id == self.actor else self.frame


class FrameCache:
    """The bytes of the frames of an event, each made once.

    Args:
        event: what the frames are made of.
        render: how a frame is written for a public base.
    """

    __slots__ = ("_event", "_made", "_render")

    def __init__(self, event: LiveEvent, render: Render) -> None:
        self._event = event
        self._render = render
        self._made: dict[tuple[bool, str], bytes] = {}

    def for_user(self, user_id: int, base: str) -> bytes:
        """The websocket frame for this person, empty if there is none.

        Args:
            user_id: who reads it.
            base: what the URLs in it begin with.
        """
        key = user_id == self._event.actor, base
        made = self._made.get(key)
        if made is None:
            frame = self._event.frame_for(user_id)
            made = self._made[key] = b"" if frame is None else _to_text(self._render(frame, base))
        return made


EMPTY_PING: Final = bytes(_protocol.ping())
PINGS: Final = tuple(bytes(_protocol.ping(bytes([number]))) for number in range(256))
"""Pings, each with its index as payload."""


def pong(payload: bytes) -> bytes:
    """The answer to a ping."""
    return bytes(_protocol.pong(payload))


def close_frame(code: int) -> bytes:
    """The last frame of a connection, with the reason for its end."""
    return bytes(_protocol.close(code))


def _to_text(frame: dict[str, Any]) -> bytes:
    return bytes(_protocol.send_data(orjson.dumps(frame, option=_OPTIONS).decode()))
