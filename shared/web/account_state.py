"""The state of an account that decides whether a token is valid."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

_CACHED_ENDS = 1_000


@dataclass(frozen=True, slots=True)
class SessionEnds:
    """The ended sessions of an account whose tokens have not expired, in bounded space.

    Tokens that are older than sessions are identified by their ``jti``.

    Attributes:
        up_to: all sessions with ids up to this one have ended,
        open: except these.
        tokens_open: whether tokens without a session are valid,
        tokens: except these, for which the opposite holds.
    """

    up_to: int = 0
    open: frozenset[int] = frozenset()
    tokens_open: bool = True
    tokens: frozenset[str] = frozenset()

    def to_text(self) -> str:
        """Serialize for databases and events."""
        fields = {"up_to": self.up_to, "open": sorted(self.open)}
        fields |= {"tokens_open": self.tokens_open, "tokens": sorted(self.tokens)}
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    @lru_cache(maxsize=_CACHED_ENDS)
    def from_text(cls, text: str) -> "SessionEnds":
        """Parse the result of `to_text`; an empty text means that no session has ended.

        Raises:
            ValueError: the text is invalid.
        """
        if not text:
            return cls()
        try:
            fields = json.loads(text)
            ends = cls(
                fields["up_to"],
                frozenset(fields["open"]),
                fields["tokens_open"],
                frozenset(fields["tokens"]),
            )
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("no session ends") from error
        if type(ends.up_to) is not int or type(ends.tokens_open) is not bool:
            raise ValueError("no session ends")
        return ends


class AccountState(NamedTuple):
    """The state that decides whether a token is valid: its generation and the open sessions.

    The generation is incremented by the deletion of the account and by a password reset.
    """

    generation: int
    deleted: bool
    session_ends: str
    """The text of a `SessionEnds`."""


class SessionToken(Protocol):
    """A reference of a token to its session."""

    @property
    def token_id(self) -> str:
        """The ``jti`` of the token."""

    @property
    def session_id(self) -> int | None:
        """The session; None if the token is older than sessions."""


def has_ended(token: SessionToken, session_ends: str) -> bool:
    """Whether the session of a token has ended."""
    if not session_ends:
        return False
    ends = SessionEnds.from_text(session_ends)
    if token.session_id is None:
        return (token.token_id in ends.tokens) is ends.tokens_open
    return token.session_id <= ends.up_to and token.session_id not in ends.open
