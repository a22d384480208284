"""Frames of websockets with the names of the API document."""

from collections.abc import Mapping
from typing import Any

from chat_service.domain.accounts import Person
from chat_service.domain.messages import MessageRow
from chat_service.schemas.messages import message_out
from chat_service.schemas.people import person_out


def frame_out(frame: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Convert a frame to the names of the API document.

    Args:
        frame: a frame of `chat_service.domain.live_events`.
        base: the base URL of the socket's handshake.
    """
    out: dict[str, Any] = {}
    for name, value in frame.items():
        if name == "conversation_id":
            out["conversationId"] = str(value)
        elif name == "is_own":
            out["self" if frame["type"] == "remove_members" else "scroll"] = str(value).lower()
        else:
            out[name] = _live_message_out(value, base) if name == "message" else value
    return out


def _live_message_out(message: Mapping[str, Any], base: str) -> dict[str, Any]:
    row = MessageRow(**message["row"])
    out = message_out(row, person_out(Person(**message["sender"]), base), base)
    return out if message["is_group"] else {**out, "already_read": False}
