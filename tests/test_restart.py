"""Acknowledged messages survive the death of all programs."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ims_client import UnreachableError

from tests.client import ApiClient
from tests.factories import befriend, make_group, make_user
from tests.product import Product

ACKNOWLEDGED_BEFORE_THE_KILL = 60

pytestmark = pytest.mark.slow


class Talker(threading.Thread):
    """A user who sends messages until the product is gone."""

    def __init__(
        self, sender: ApiClient, conversation_id: int, enough: threading.Semaphore
    ) -> None:
        super().__init__()
        self.sender = sender
        self.conversation_id = conversation_id
        self.acknowledged: dict[int, str] = {}
        self.attempted: list[str] = []
        self._enough = enough

    def run(self) -> None:
        """Send messages, and record the acknowledged ones."""
        number = 0
        while True:
            number += 1
            content = f"{self.sender.name} {number}"
            self.attempted.append(content)
            try:
                sent = self.sender.post(
                    "/conversations/messages",
                    conversationId=self.conversation_id,
                    content=content,
                    client_id=content,
                )
            except (UnreachableError, AssertionError):
                return  # Killed during the request, or only the gateway was left to respond.
            self.acknowledged[sent.body["message_id"]] = content
            self._enough.release()


class Newcomers(threading.Thread):
    """Users who register and become friends of a user until the product is gone."""

    def __init__(self, host: ApiClient) -> None:
        super().__init__()
        self.host = host
        self.registered: list[ApiClient] = []
        self.befriended: list[int] = []

    def run(self) -> None:
        """Register users, one after another."""
        while True:
            try:
                person = make_user(self.host.base_url, "New")
                self.registered.append(person)
                befriend(self.host, person)
                self.befriended.append(person.id)
            except (UnreachableError, AssertionError):
                return


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """A product of this test, to be killed."""
    product = Product(tmp_path / "data")
    product.start()
    yield product
    product.stop()


def test_what_was_acknowledged_survives_the_killing_of_every_process(product: Product) -> None:
    alice, bob, carol = (make_user(product.base_url, name) for name in ("Alice", "Bob", "Carol"))
    befriend(alice, bob, carol)
    group = make_group(alice, bob, carol)
    private = alice.get_private_conversation(bob.id).id
    enough = threading.Semaphore(0)
    talkers = [
        Talker(alice, group, enough),
        Talker(bob, group, enough),
        Talker(carol, carol.get_private_conversation(alice.id).id, enough),
    ]
    newcomers = Newcomers(make_user(product.base_url, "Host"))
    for thread in (*talkers, newcomers):
        thread.start()
    for _ in range(ACKNOWLEDGED_BEFORE_THE_KILL):
        assert enough.acquire(timeout=60)

    product.kill()
    for thread in (*talkers, newcomers):
        thread.join(60)
    product.start()

    listed = alice.list_messages(group).messages
    stored = {each.id: each.content for each in listed}
    acknowledged = {**talkers[0].acknowledged, **talkers[1].acknowledged}
    assert acknowledged.items() <= stored.items()
    assert set(stored.values()) <= {*talkers[0].attempted, *talkers[1].attempted}
    assert [each.seq for each in listed] == list(range(1, len(listed) + 1))
    assert alice.get_conversation(group).last_message == listed[-1].content
    hers = talkers[2]
    assert (
        hers.acknowledged.items()
        <= {
            each.id: each.content for each in alice.list_messages(hers.conversation_id).messages
        }.items()
    )
    assert bob.get_private_conversation(alice.id).id == private

    registered_ids = {person.id for person in newcomers.registered}
    friends = {each["id"] for each in newcomers.host.get("/friends").result()["friends"]}
    chats = {each.friend_id for each in newcomers.host.list_conversations()}
    assert set(newcomers.befriended) <= friends <= registered_ids
    assert set(newcomers.befriended) <= chats
    assert all(person.sign_in().token for person in newcomers.registered)

    for talker in talkers:
        repeated = talker.attempted[-1]
        again = talker.sender.post(
            "/conversations/messages",
            conversationId=talker.conversation_id,
            content=repeated,
            client_id=repeated,
        )
        texts = [
            each.content for each in talker.sender.list_messages(talker.conversation_id).messages
        ]
        assert (again.status, texts.count(repeated)) == (200, 1)
