"""All acknowledged responses, in memory and in a file."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """An acknowledged message."""

    conversation_id: int
    sender_id: int
    message_id: int
    seq: int


class Record:
    """Acknowledged responses; a later one about the same subject replaces an earlier one.

    Args:
        path: a file to which every acknowledged response is appended.

    Attributes:
        sent: acknowledged messages by their unique texts; images by paths.
        pictures: the first digest of the image at a path.
        perhaps: texts that were sent once and not acknowledged.
        deleted: texts (or paths) of messages deleted for all members.
        hidden: users who deleted a message for themselves only, and its id.
        read: read positions by user and conversation.
        friends: whether two users are friends, by both ids.
        roles: the members of a club with their roles, by its id.
        names: names by account.
        accounts: ids by e-mail address.
        unkept: violations that no fault can explain.
        requests: the number of requests, including ``retries``.
    """

    def __init__(self, path: Path) -> None:
        self.sent: dict[str, Sent] = {}
        self.perhaps: set[str] = set()
        self.pictures: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.hidden: set[tuple[int, int]] = set()
        self.read: dict[tuple[int, int], int] = {}
        self.friends: dict[tuple[int, int], bool] = {}
        self.roles: dict[int, dict[int, int]] = {}
        self.names: dict[int, str] = {}
        self.accounts: dict[str, int] = {}
        self.unkept: list[str] = []
        self.requests: Counter[str] = Counter()
        self._file = path.open("a")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def acknowledged(self, what: str, key: Any, value: Any = None) -> None:
        """Record a response; ``what`` is the attribute for it."""
        with self._lock:
            self._file.write(json.dumps([what, key, value]) + "\n")
            self._file.flush()
            notes = getattr(self, what)
            if isinstance(notes, set):
                notes.add(key)
            else:
                notes[key] = value

    def is_unkept(self, what: str) -> None:
        """Record a response that must never occur."""
        with self._lock:
            self.unkept.append(what)

    def counts(self, what: str) -> None:
        """Count a request."""
        with self._lock:
            self.requests[what] += 1
