"""Whose socket it is, what it may hear, and when it is given up."""

from dataclasses import dataclass
from typing import NamedTuple

from shared.web.authentication import has_ended


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whose socket it is, with a token of which generation and session, until when (Unix seconds).

    ``base`` begins the URLs in its frames. A session is one token, on whatever sockets.
    """

    user_id: int
    generation: int
    expires_at: int
    base: str
    token_id: str
    session_id: int | None


class Subscriptions(NamedTuple):
    """Which tokens of a person work, and the conversations they are in.

    ``generation`` is None if none work.
    """

    generation: int | None
    session_ends: str
    rooms: set[int]

    def accepts(self, subscriber: Subscriber) -> bool:
        """Whether the subscriber's token works."""
        return self.generation == subscriber.generation and not has_ended(
            subscriber, self.session_ends
        )


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How often a socket is pinged, and how many frames wait for a slow one."""

    ping_seconds: float
    queued_frames: int
