"""The user of a socket, its subscriptions, and its limits."""

from dataclasses import dataclass
from typing import NamedTuple

from shared.web.account_state import has_ended


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The user of a socket, with the claims of the token.

    Attributes:
        user_id: the account.
        generation: the generation of the token.
        expires_at: expiry of the token, in Unix seconds.
        base: the base of URLs in frames.
        token_id: identifies the session whose acknowledgements are stored.
        session_id: the session of the auth service, None in older tokens.
    """

    user_id: int
    generation: int
    expires_at: int
    base: str
    token_id: str
    session_id: int | None


class Subscriptions(NamedTuple):
    """The valid tokens of a user, and the user's conversations.

    ``generation`` is None if no token is valid.
    """

    generation: int | None
    session_ends: str
    rooms: set[int]

    def accepts(self, subscriber: Subscriber) -> bool:
        """Whether the subscriber's token is valid."""
        return self.generation == subscriber.generation and not has_ended(
            subscriber, self.session_ends
        )


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The ping interval of a socket, and the maximum number of its queued frames."""

    ping_seconds: float
    queued_frames: int
