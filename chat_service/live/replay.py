"""What a new socket of a session has missed."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from chat_service.live.frames import LiveEvent, Position

REPLAY_WINDOW = 10
RETENTION = 2 * REPLAY_WINDOW  # A handshake may take a while, too.
MAX_RETAINED = 10_000
MAX_REPLAYED = 100


class StreamEntry(NamedTuple):
    """An event, its place on the bus, and when it came to this process (monotonic seconds)."""

    position: Position
    event: LiveEvent
    arrived_at: float


def current_rooms(rooms: Collection[int], user_id: int, later: Iterable[StreamEntry]) -> set[int]:
    """The rooms of a user, from what they were before some events."""
    current = set(rooms)
    for entry in later:
        if user_id in entry.event.joined:
            current.add(entry.event.room or 0)
        if user_id in entry.event.removed:
            current.discard(entry.event.room or 0)
    return current


def replayable(
    missed: list[StreamEntry], user_id: int, rooms: Collection[int]
) -> Iterable[StreamEntry]:
    """What concerns a person; of what is throttled only the newest of each room."""
    found: list[StreamEntry] = []
    throttled: set[int | None] = set()
    for entry in reversed(missed):
        event = entry.event
        if not event.concerns(user_id, rooms) or event.frame_for(user_id) is None:
            continue
        if event.throttled:
            if event.room in throttled:
                continue
            throttled.add(event.room)
        found.append(entry)
        if len(found) == MAX_REPLAYED:
            break
    return reversed(found)
