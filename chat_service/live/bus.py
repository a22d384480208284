"""Transport of events to all processes, and storage of the marks of sessions."""

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
    """Transports events from one process to all processes."""

    def start(self) -> None:
        """Start the transport, in a process with an event loop."""

    def publish(self, events: Iterable[LiveEvent]) -> None:
        """Publish events in this order. Does not block or raise."""

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """Get the mark of a session, which may have been set by another process.

        Returns:
            None for a new session, whose mark becomes ``position``.
        """

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """Store the mark of a session, unless the stored one is later. Does not block or raise."""

    def reserve(self, name: str, interval: float) -> float | None:
        """Reserve the next run of a task that all processes together run once per interval.

        Args:
            name: the task.
            interval: seconds.

        Returns:
            seconds until the run; None if another process has reserved it.
        """


class LocalBus:
    """The bus of a service with one process.

    Args:
        handler: called with each event.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._last = START
        self._marks: dict[str, tuple[Mark, float]] = {}  # In the order of their last update.
        self._dispatch_lock = threading.Lock()
        self._reserved: dict[str, float] = {}

    def start(self) -> None:
        """Do nothing."""

    def publish(self, events: Iterable[LiveEvent]) -> None:
        """Call the handler with each event."""
        with self._dispatch_lock:
            for event in events:
                for each in filter(None, (event, event.following)):
                    self._last = int(monotonic() * 1000), self._last[1] + 1
                    self._handler(self._last, each, 0)

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """See `Bus`."""
        mark, _ = self._marks.get(session_id, (None, 0))
        self._store(session_id, mark or Mark(position))
        return mark

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """See `Bus`."""
        stored, _ = self._marks.get(session_id, (mark, 0))
        self._store(session_id, max(mark, stored, key=get_position))

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


def get_position(mark: Mark) -> Position:
    """Get the sort key of marks."""
    return mark.position
