"""Selection of the events that a new socket of a session has missed."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from chat_service.live.frames import LiveEvent, Position

REPLAY_WINDOW = 10  # Seconds.
RETENTION = 2 * REPLAY_WINDOW  # The window, and the duration of a handshake.
MAX_RETAINED = 10_000
MAX_REPLAYED = 100


class StreamEntry(NamedTuple):
    """An event, its position on the bus, and its time of arrival (monotonic seconds)."""

    position: Position
    event: LiveEvent
    arrived_at: float


def current_rooms(rooms: Collection[int], user_id: int, later: Iterable[StreamEntry]) -> set[int]:
    """Compute the rooms of a user after some events, from the rooms before."""
    current = set(rooms)
    for entry in later:
        if user_id in entry.event.joined:
            current.add(entry.event.room or 0)
        if user_id in entry.event.removed:
            current.discard(entry.event.room or 0)
    return current


def select_replayable(
    missed: list[StreamEntry], user_id: int, rooms: Collection[int]
) -> Iterable[StreamEntry]:
    """Select the newest events that concern a user; of throttled ones one for each room."""
    selected: list[StreamEntry] = []
    throttled_rooms: set[int | None] = set()
    for entry in reversed(missed):
        event = entry.event
        if not event.concerns(user_id, rooms) or event.frame_for(user_id) is None:
            continue
        if event.throttled:
            if event.room in throttled_rooms:
                continue
            throttled_rooms.add(event.room)
        selected.append(entry)
        if len(selected) == MAX_REPLAYED:
            break
    return reversed(selected)
