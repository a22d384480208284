"""People who go on using the product whatever happens to it."""

import threading
from collections.abc import Callable, Container, Mapping
from itertools import count
from typing import Any, NamedTuple

from tests.chaos.asking import Asker, Reachable
from tests.chaos.record import Record
from tests.client import ApiClient


class Club(NamedTuple):
    """A group of three that one citizen runs alone, whoever owns it at the moment."""

    id: int
    people: dict[int, ApiClient]


class Citizen(Asker):
    """Does one thing after another, each until it is done.

    Args:
        person: whose account it is.
        acquaintance: somebody whom they befriend and unfriend, and nobody else does.
        club: which they run.
        conversation_ids: where they talk.
        seed: decides what they do.

    Attributes:
        own: texts and pictures that they sent, and have not deleted.
    """

    def __init__(
        self,
        product: Reachable,
        record: Record,
        person: ApiClient,
        acquaintance: ApiClient,
        club: Club,
        conversation_ids: list[int],
        seed: str,
        stopped: threading.Event,
    ) -> None:
        super().__init__(product, record, seed, stopped)
        self.person = person
        self.acquaintance = acquaintance
        self.club = club
        self.own: list[str] = []
        self._conversation_ids = conversation_ids
        self._numbers = count(1)

    def live(self, operations: Mapping["Operation", int]) -> None:
        """Live until told to stop, and finish what was begun.

        Args:
            operations: what they do, and how often each beside the others.
        """
        try:
            while self.rests():
                [operation] = self.random.choices(list(operations), list(operations.values()))
                operation(self)
        except Exception as failure:  # No answer in time, or one that makes no sense.
            self.record.is_unkept(f"{self.person.name}: {failure!r}")

    def insists(
        self,
        method: str,
        path: str,
        also: Container[tuple[int, int]] = (),
        picture: bytes | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """See `insist`, with their own token."""
        return self.insist(method, path, self.person.token, also, picture, **fields)

    def new_text(self) -> str:
        """What nobody has said yet."""
        return f"{self.person.name} {next(self._numbers)}"

    def somewhere(self) -> int:
        """A conversation."""
        return self.random.choice(self._conversation_ids)


Operation = Callable[[Citizen], None]
