"""Events to the chat service.

A friendship's state is sent before the live event about it, so that the private conversation
is open or closed when the clients receive it.
"""

from typing import Any

from shared.data.outbox import Event, Outbox
from social_service.db import db
from social_service.models import Friendship, OutboxEvent

outbox = Outbox(db, OutboxEvent)


def friendship_state(friendship: Any) -> dict[str, Any]:
    """The complete state of a friendship (or of a row of its columns), as chat copies it."""
    return {
        "id": friendship.id,
        "low_id": friendship.low_id,
        "high_id": friendship.high_id,
        "active": friendship.active,
        "version": friendship.version,
    }


def friendship_changed(friendship: Friendship) -> Event:
    """Create the event of a friendship that started or ended."""
    return {"type": "friendship", "state": friendship_state(friendship)}


def friend_request_changed(sender_id: int, receiver_id: int) -> Event:
    """Create the live event of a request that was sent, accepted or rejected."""
    return {
        "type": "friend_request_changed",
        "state": {"sender_id": sender_id, "receiver_id": receiver_id},
    }


def friendship_ended(friendship: Friendship) -> Event:
    """Create the live event of an ended friendship."""
    return {
        "type": "friendship_ended",
        "state": {"low_id": friendship.low_id, "high_id": friendship.high_id},
    }
