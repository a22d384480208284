"""What the chat service is told.

A friendship's state goes out before the notice about it, so that the private conversation is
there, or closed, when the people concerned hear of it.
"""

from typing import Any

from shared.data.outbox import Event, Outbox
from social_service.db import db
from social_service.models import Friendship, OutboxEvent

outbox = Outbox(db, OutboxEvent)


def friendship_state(friendship: Any) -> dict[str, Any]:
    """The whole state of a friendship (or of a row of its columns), as chat copies it."""
    return {
        "id": friendship.id,
        "low_id": friendship.low_id,
        "high_id": friendship.high_id,
        "active": friendship.active,
        "version": friendship.version,
    }


def friendship_changed(friendship: Friendship) -> Event:
    """A friendship began or ended."""
    return {"type": "friendship", "state": friendship_state(friendship)}


def friend_request_changed(sender_id: int, receiver_id: int) -> Event:
    """Notice: a friend request came, was accepted or was refused."""
    return {
        "type": "friend_request_changed",
        "state": {"sender_id": sender_id, "receiver_id": receiver_id},
    }


def friendship_ended(friendship: Friendship) -> Event:
    """Notice: two people are friends no more."""
    return {
        "type": "friendship_ended",
        "state": {"low_id": friendship.low_id, "high_id": friendship.high_id},
    }
