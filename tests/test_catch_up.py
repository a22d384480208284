"""A client that loses its connection and reconnects has exactly the data of the server.

The API document calls this 获取消息列表 (聊天消息发送 /conversations/messages), with
``after_version``, and the frames of ``/ws/``.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from ims_client import Arrived, Client, Deleted, Live, Message, RefusedError, Sent, UnreachableError

from shared.testing.processes import all_end
from tests.client import PASSWORD, UNKNOWN
from tests.factories import unused_email
from tests.lossy import lossy_way
from tests.product import Product, running

pytestmark = pytest.mark.timeout(150)

SECONDS = 30
ALICE, BOB, CAROL = range(3)


@pytest.fixture
def own_product(tmp_path: Path) -> Iterator[Product]:
    """A product whose chat service the test can kill."""
    with running(tmp_path / "data") as product:
        yield product


@pytest.fixture(scope="module")
def cast(base_url: str) -> tuple[Client, ...]:
    """Alice, Bob and Carol, all friends of each other."""
    return friends_at(base_url)


def friends_at(base_url: str) -> tuple[Client, ...]:
    """Register three users who are friends."""
    cast = tuple(
        Client.register(base_url, unused_email(name), PASSWORD, name)
        for name in ("Alice", "Bob", "Carol")
    )
    for one, other in combinations(cast, 2):
        one.send_friend_request(other.id)
        other.accept_friend_request(one.id)
    return cast


class Screen:
    """The view of a conversation in a client, made of its events and its own requests."""

    def __init__(self, client: Client, conversation_id: int) -> None:
        self.client = client
        self.conversation_id = conversation_id
        self.messages: list[Message] = []
        self.hidden: set[int] = set()
        self.live = Live(client)
        self._read_seq = 0
        self._changed = threading.Condition()
        self._listener: threading.Thread | None = None

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def follow(self) -> None:
        """Follow the conversation."""
        with self._changed:
            self.messages = self.live.follow(self.conversation_id).messages
            self._read_seq = max((each.seq for each in self.messages), default=0)

    def listen(self) -> None:
        """Connect."""
        if self._listener is None:
            self._listener = threading.Thread(target=self._apply_events, args=[self.live])
            self._listener.start()

    def leave(self) -> None:
        """Disconnect, and remember the version of the last event."""
        if self._listener is not None:
            self.live.close()
            self._listener.join()
            self._listener = None
            self.live = Live(self.client, following=self.live.following)

    def send(self, content: str) -> Sent:
        """Send a text, which is also its client_id, until it is acknowledged."""
        send = partial(self.client.send_text, self.conversation_id, content, client_id=content)
        sent = until_answered(send)
        with self._changed:
            self._read_seq = max(self._read_seq, sent.seq)
        return sent

    def hide(self, message_id: int) -> None:
        """Hide a message for this user, which sends no event."""
        self.client.hide_messages([message_id])
        self.hidden.add(message_id)
        with self._changed:
            self._drop(message_id)

    def nth(self, number: int) -> int:
        """The id of one of its messages, or an unknown one."""
        ids = self.ids
        return ids[number % len(ids)] if ids else UNKNOWN

    @property
    def ids(self) -> list[int]:
        """The ids of the messages in the order of arrival."""
        return [each.id for each in self.messages]

    @property
    def unread_count(self) -> int:
        """The number of unread messages that the server should report."""
        return sum(
            each.seq > self._read_seq and each.sender_id != self.client.id for each in self.messages
        )

    def becomes(self, ids: list[int]) -> bool:
        """Whether it contains exactly these messages within a time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.ids == ids, SECONDS)

    def _apply_events(self, live: Live) -> None:
        for event in live:
            with self._changed:
                if isinstance(event, Arrived):
                    self.messages.append(event.message)
                    if event.is_read:
                        self._read_seq = max(self._read_seq, event.message.seq)
                elif isinstance(event, Deleted):
                    self._drop(event.message_id)
                self._changed.notify_all()

    def _drop(self, message_id: int) -> None:
        self.messages = [each for each in self.messages if each.id != message_id]


class Scene:
    """A group of Alice and Bob, which Carol can join, and the actions in it.

    Args:
        cast: Alice, Bob and Carol.
        product: whose chat service can be killed, if any.
    """

    def __init__(self, cast: tuple[Client, ...], product: Product | None = None) -> None:
        self.product = product
        group = cast[ALICE].create_group("Group", [cast[BOB].id])
        self.screens = [Screen(client, group) for client in cast]
        self.inside = self.screens[:CAROL]
        self.sent_ids: dict[int, int] = {}  # The id of each message by its number.
        self.deleted: set[int] = set()
        for screen in self.inside:
            screen.follow()
            screen.listen()

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        for screen in self.screens:
            screen.leave()

    def send(self, speaker: Screen, _: int) -> None:
        """Send a new text."""
        self._record(speaker.send(uuid.uuid4().hex))

    def send_twice(self, speaker: Screen, _: int) -> None:
        """Send a text, and repeat it as after a lost response."""
        content = uuid.uuid4().hex
        self._record(speaker.send(content))
        self._record(speaker.send(content))

    def all_send(self, _: Screen, __: int) -> None:
        """Send texts of all users at once."""
        with ThreadPoolExecutor() as pool:
            for sent in pool.map(Screen.send, self.inside, [uuid.uuid4().hex for _ in self.inside]):
                self._record(sent)

    def kill(self, screen: Screen, number: int) -> None:
        """Kill the chat service while all users send texts."""
        assert self.product is not None
        processes = self.product.processes("chat_service")
        killer = threading.Thread(target=lambda: [each.kill() for each in processes])
        killer.start()
        self.all_send(screen, number)
        killer.join()
        assert all_end(processes)

    def delete_for_all(self, remover: Screen, number: int) -> None:
        """Delete a message for all members, if it exists and the user may."""
        message_id = remover.nth(number)
        with suppress(RefusedError):
            remover.client.delete_message(message_id)
            self.deleted.add(message_id)

    def hide(self, reader: Screen, number: int) -> None:
        """Hide a message, if it exists."""
        with suppress(RefusedError):
            reader.hide(reader.nth(number))

    def leave(self, reader: Screen, _: int) -> None:
        """Disconnect."""
        reader.leave()

    def come(self, reader: Screen, _: int) -> None:
        """Reconnect."""
        reader.listen()

    def lose_connection(self, reader: Screen, _: int) -> None:
        """Break the connection, which the client notices at once."""
        reader.live.disconnect()

    def let_in(self, *_: object) -> None:
        """Let Carol join."""
        carol = self.screens[CAROL]
        if carol not in self.inside:
            alice = self.screens[ALICE].client
            alice.invite_friends(carol.conversation_id, [carol.client.id])
            alice.accept_invitation(alice.list_invitations(carol.conversation_id)[0].id)
            self.inside = self.screens
            carol.follow()
            carol.listen()

    def _record(self, sent: Sent) -> None:
        self.sent_ids[sent.seq] = sent.message_id

    def expected_on(self, screen: Screen) -> list[int]:
        """The expected final messages of a screen."""
        gone = self.deleted | screen.hidden
        return [
            self.sent_ids[seq] for seq in sorted(self.sent_ids) if self.sent_ids[seq] not in gone
        ]


Action = Callable[[Scene, Screen, int], None]
QUIET: list[Action] = [
    Scene.send,
    Scene.send,
    Scene.send_twice,
    Scene.all_send,
    Scene.delete_for_all,
    Scene.delete_for_all,
    Scene.hide,
    Scene.leave,
    Scene.come,
    Scene.lose_connection,
    Scene.let_in,
]
ACTIONS = st.tuples(st.sampled_from(QUIET), st.sampled_from([ALICE, BOB, CAROL]), st.integers(0, 5))
Program = list[tuple[Action, int, int]]
PROGRAMS = st.lists(ACTIONS, min_size=12, max_size=24)
WITH_KILLS: Program = [
    (Scene.all_send, ALICE, 0),
    (Scene.leave, BOB, 0),
    (Scene.delete_for_all, ALICE, 1),
    (Scene.send, ALICE, 0),
    (Scene.kill, ALICE, 0),
    (Scene.let_in, CAROL, 0),
    (Scene.delete_for_all, ALICE, 2),
    (Scene.hide, CAROL, 1),
    (Scene.send_twice, CAROL, 0),
    (Scene.come, BOB, 0),
    (Scene.kill, ALICE, 0),
    (Scene.all_send, ALICE, 0),
]


@settings(max_examples=8, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
@given(program=PROGRAMS)
def test_a_reconnected_client_has_the_messages_order_and_unread_counts_of_the_server(
    cast: tuple[Client, ...], program: Program
) -> None:
    with Scene(cast) as scene:
        assert_screens_are_right_after(scene, program)


@pytest.mark.slow
def test_nothing_is_lost_when_the_chat_service_is_killed(own_product: Product) -> None:
    with Scene(friends_at(own_product.base_url), own_product) as scene:
        assert_screens_are_right_after(scene, WITH_KILLS)


def assert_screens_are_right_after(scene: Scene, program: Program) -> None:
    """Run the actions, and compare the screens of all members with the server."""
    for action, who, number in program:
        if scene.screens[who] in scene.inside or action is Scene.let_in:
            action(scene, scene.screens[who], number)
    for screen in scene.inside:
        screen.listen()
        screen.becomes(scene.expected_on(screen))

    on_screens = [(screen.ids, screen.unread_count) for screen in scene.inside]

    expected = [scene.expected_on(screen) for screen in scene.inside]
    assert [ids for ids, _ in on_screens] == expected
    assert on_screens == [on_server(screen) for screen in scene.inside]


def test_frames_lost_on_an_open_connection_are_fetched_before_the_next_message(
    base_url: str, cast: tuple[Client, ...]
) -> None:
    alice, bob = cast[ALICE], cast[BOB]
    group = alice.create_group("Group", [bob.id])
    with (
        lossy_way(int(base_url.rpartition(":")[2])) as way,
        Screen(Client(way.base_url, bob.id, bob.token), group) as screen,
    ):
        screen.follow()
        screen.listen()
        message_id = alice.send_text(group, "told").message_id
        assert screen.becomes([message_id])

        with way.losing(2):
            lost = alice.send_text(group, "lost").message_id
            alice.delete_message(message_id)
        last = alice.send_text(group, "told again").message_id

        assert screen.becomes([lost, last])


def on_server(screen: Screen) -> tuple[list[int], int]:
    """The messages and the unread count of a user on the server."""
    group = screen.conversation_id
    messages = screen.client.filter_messages(group)
    [unread] = [
        each.unread_count for each in screen.client.list_conversations() if each.id == group
    ]
    return [each.id for each in messages], unread


def until_answered(call: Callable[[], Sent]) -> Sent:
    """Repeat a call, which pauses itself, until there is a response."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return call()
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
