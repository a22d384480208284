"""Users who follow conversations through a websocket, and fetch lost messages by version."""

from collections.abc import Collection

from ims_client import Arrived, Client, Deleted, Gone, Live

from tests.chaos.record import Record
from tests.client import ApiClient


class Follower:
    """A user whose screens contain only the events of `Live`.

    Args:
        base_url: the URL of the follower's gateway.
        person: the account.
        conversation_ids: the followed conversations.

    Attributes:
        person: the account.
        screens: by conversation, the ids of the received messages in order.
    """

    def __init__(
        self, base_url: str, record: Record, person: ApiClient, conversation_ids: Collection[int]
    ) -> None:
        assert person.token
        self.person = person
        self._record = record
        self._live = Live(Client(base_url, person.id, person.token))
        self.screens = {
            conversation_id: [each.id for each in self._live.follow(conversation_id).messages]
            for conversation_id in conversation_ids
        }

    def listen(self) -> None:
        """Process events until `leave`."""
        try:
            for event in self._live:
                if isinstance(event, Arrived):
                    self._add(event.message.conversation_id, event.message.id)
                elif isinstance(event, Deleted):
                    screen = self.screens[event.conversation_id]
                    screen[:] = [each for each in screen if each != event.message_id]
                elif isinstance(event, Gone):
                    self._is_unkept(f"is shut out of conversation {event.conversation_id}")
        except Exception as failure:
            self._is_unkept(f"can do so no longer: {failure!r}")

    def is_at(self, ends: dict[int, int]) -> bool:
        """Whether these are the last messages on the screens, by conversation."""
        return all(screen[-1:] == [ends[each]] for each, screen in self.screens.items())

    def leave(self) -> None:
        """End `listen`."""
        self._live.close()

    def _add(self, conversation_id: int, message_id: int) -> None:
        if message_id in self.screens[conversation_id]:
            self._is_unkept(f"is told of message {message_id} twice")
        self.screens[conversation_id].append(message_id)

    def _is_unkept(self, what: str) -> None:
        self._record.is_unkept(f"{self.person.name}, who follows, {what}")
