"""What people were told: every acknowledged answer, in memory and in a file."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """A message that was acknowledged."""

    conversation_id: int
    sender_id: int
    message_id: int
    seq: int


class Record:
    """Who was told what; a later word about the same thing takes the place of an earlier one.

    Args:
        path: a file to which every acknowledged answer is appended.

    Attributes:
        sent: acknowledged messages by their texts, no two of which are alike; pictures by paths.
        pictures: what was first seen at a path, as a digest.
        perhaps: texts that were sent once, and not acknowledged.
        deleted: texts (or paths) of messages that were deleted for everybody.
        hidden: who has deleted a message for themselves alone, and its id.
        read: how far somebody has read in a conversation, by both ids.
        friends: whether two people are friends, by both ids.
        roles: the members of a club with their roles, by its id.
        names: by account.
        accounts: ids by e-mail address.
        unkept: what no answer can excuse.
        requests: how many were sent, ``retries`` among them.
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
        """Let go of the file."""
        self._file.close()

    def acknowledged(self, what: str, key: Any, value: Any = None) -> None:
        """Note what was said; ``what`` is the attribute that is about it."""
        with self._lock:
            self._file.write(json.dumps([what, key, value]) + "\n")
            self._file.flush()
            notes = getattr(self, what)
            if isinstance(notes, set):
                notes.add(key)
            else:
                notes[key] = value

    def is_unkept(self, what: str) -> None:
        """Note what should never have been answered."""
        with self._lock:
            self.unkept.append(what)

    def counts(self, what: str) -> None:
        """Count a request."""
        with self._lock:
            self.requests[what] += 1
