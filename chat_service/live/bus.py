"""How events reach every process, and what each session has acknowledged of them."""

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol

from chat_service.live.frames import START, LiveEvent, Mark, Position
from chat_service.live.sockets import MARK_REFRESH_INTERVAL

Handler = Callable[[Position, LiveEvent, float], None]

MARK_TTL = int(2 * MARK_REFRESH_INTERVAL)
MAX_MARKS = 100_000
_MAX_RESERVED = 10_000


class Bus(Protocol):
    """What carries events from the process where something happened to all that listen."""

    def start(self) -> None:
        """Begin to carry, in a process that has an event loop."""

    def publish(self, events: Iterable[LiveEvent]) -> None:
        """Send events on their way, in this order. Never waits, never fails."""

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """What a session has acknowledged, on whichever process its sockets were.

        Returns:
            None if it is new: it begins at ``position``.
        """

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """Note what a session has acknowledged. Never waits, never fails, never goes back."""

    def reserve(self, name: str, interval: float) -> float | None:
        """Reserve the next moment for something that any process does at most once an interval.

        Returns:
            seconds until then; None if another process has reserved it already.
        """


class LocalBus:
    """The bus of a service that is one process.

    Args:
        handler: what is done with each event.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._last = START
        self._marks: dict[str, tuple[Mark, float]] = {}  # The one refreshed longest ago is first.
        self._dispatch_lock = threading.Lock()
        self._reserved: dict[str, float] = {}

    def start(self) -> None:
        """Nothing is needed."""

    def publish(self, events: Iterable[LiveEvent]) -> None:
        """Let them be taken, before this returns."""
        with self._dispatch_lock:
            for event in events:
                self._last = int(monotonic() * 1000), self._last[1] + 1
                self._handler(self._last, event, 0)

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """See `Bus`."""
        mark, _ = self._marks.get(session_id, (None, 0))
        self._store(session_id, mark or Mark(position))
        return mark

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """See `Bus`."""
        known, _ = self._marks.get(session_id, (mark, 0))
        self._store(session_id, max(mark, known, key=position_of))

    def reserve(self, name: str, interval: float) -> float | None:
        """See `Bus`."""
        now = monotonic()
        if len(self._reserved) > _MAX_RESERVED:
            self._reserved = {name: end for name, end in self._reserved.items() if end > now}
        left = max(self._reserved.get(name, now) - now, 0)
        if left > interval:
            return None
        self._reserved[name] = now + left + interval
        return left

    def _store(self, session_id: str, mark: Mark) -> None:
        now = monotonic()
        self._marks.pop(session_id, None)
        self._marks[session_id] = mark, now
        oldest = next(iter(self._marks))
        if len(self._marks) > MAX_MARKS or self._marks[oldest][1] < now - MARK_TTL:
            del self._marks[oldest]


def position_of(mark: Mark) -> Position:
    """By which of two marks the later is found."""
    return mark.position
