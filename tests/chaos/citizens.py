"""Users who continue to use the product under any faults."""

import threading
from collections.abc import Callable, Container, Mapping
from itertools import count
from typing import Any, NamedTuple

from tests.chaos.asking import Asker, Reachable
from tests.chaos.record import Record
from tests.client import ApiClient


class Club(NamedTuple):
    """A group of three that one citizen manages alone, independent of its current owner."""

    id: int
    people: dict[int, ApiClient]


class Citizen(Asker):
    """A user who performs one operation after another, each until it succeeds.

    Args:
        person: the account.
        acquaintance: a user whose friendship only this citizen changes.
        club: the managed group.
        conversation_ids: the conversations to send messages to.
        seed: the seed of the random choices.

    Attributes:
        own: sent and not deleted texts and images.
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
        """Perform operations until stopped, and finish the last one.

        Args:
            operations: the operations, with their relative frequencies.
        """
        try:
            while self.rests():
                [operation] = self.random.choices(list(operations), list(operations.values()))
                operation(self)
        except Exception as failure:  # A timeout, or an invalid response.
            self.record.is_unkept(f"{self.person.name}: {failure!r}")

    def insists(
        self,
        method: str,
        path: str,
        also: Container[tuple[int, int]] = (),
        picture: bytes | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """See `insist`, with the citizen's token."""
        return self.insist(method, path, self.person.token, also, picture, **fields)

    def new_text(self) -> str:
        """Create a unique text."""
        return f"{self.person.name} {next(self._numbers)}"

    def somewhere(self) -> int:
        """Choose a conversation."""
        return self.random.choice(self._conversation_ids)


Operation = Callable[[Citizen], None]
