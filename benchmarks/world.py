"""Create the users, friendships, conversations and messages of a benchmark through the API."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import orjson

from benchmarks.load import Address, LoadGenerator, request

PASSWORD = "Secret_1"

_CLIENTS = 16
_BATCH = 100
_SENDERS = 50

Echo = Callable[[str], None]


class Person(NamedTuple):
    """A user with an account."""

    id: int
    token: str
    email: str
    name: str


class Participant(NamedTuple):
    """A conversation and the member who reads and writes it."""

    person: Person
    conversation_id: int


class Sizes(NamedTuple):
    """Sizes of scenarios that are measured at several sizes."""

    groups: Sequence[int]
    lists: Sequence[int]
    histories: Sequence[int]


class World(NamedTuple):
    """The created users and conversations.

    Attributes:
        people: all users; all of them are friends of the first.
        collectors: people by the number of their friends, each with a private conversation in
            which the friend has sent a message.
        private: some of these conversations, as the friends see them; for sending.
        quiet: others, for reading; they get no further messages.
        groups: group conversations by the number of their members, as some of them see them.
        histories: private conversations by the number of their messages.
    """

    people: list[Person]
    collectors: dict[int, Person]
    private: list[Participant]
    quiet: list[Participant]
    groups: dict[int, list[Participant]]
    histories: dict[int, Participant]


def text_of(number: int) -> str:
    """Generate the text of a message by its number."""
    return f"Message {number}: shall we meet at ten tomorrow?"


def send_request(place: Participant, content: str) -> bytes:
    """Build the request that sends a text."""
    body = {"conversationId": place.conversation_id, "content": content}
    return request("POST", "/conversations/messages", place.person.token, body)


class Seeder:
    """Creates the world in a new product.

    Args:
        load: what sends the requests.
        address: where the gateway listens.
        echo: takes a line of progress.
    """

    def __init__(self, load: LoadGenerator, address: Address, echo: Echo) -> None:
        self._load = load
        self._address = address
        self._echo = echo

    def world(self, sizes: Sizes) -> World:
        """Create a world of these sizes."""
        people = self._register(max(*sizes.groups, *sizes.lists))
        first, *others = people
        collectors = dict(zip(sizes.lists, others, strict=False))
        known = others[len(collectors) :]
        pairs = [(other, first) for other in others]
        for size, collector in collectors.items():
            pairs += [(friend, collector) for friend in known[: size - 1]]
        self._befriend(pairs)
        *_, private, quiet = [
            self._greet(collector, people) for _, collector in sorted(collectors.items())
        ]
        return World(
            people,
            collectors,
            private,
            quiet,
            {size: self._create_group(people[:size]) for size in sizes.groups},
            self._create_histories(first, known, sizes.histories),
        )

    def _register(self, count: int) -> list[Person]:
        names = [f"Person{number}" for number in range(count)]
        emails = [f"{name.lower()}@example.com" for name in names]
        bodies = [
            {"email": email, "name": name, "password": PASSWORD}
            for email, name in zip(emails, names, strict=True)
        ]
        requests = [request("POST", "/account/reg", body=body) for body in bodies]
        answers = self._send("people", requests)
        return [
            Person(answer["id"], answer["token"], email, name)
            for answer, email, name in zip(answers, emails, names, strict=True)
        ]

    def _befriend(self, pairs: list[tuple[Person, Person]]) -> None:
        friend_requests = [
            request("POST", "/add_friend", asker.token, {"target_id": friend.id})
            for asker, friend in pairs
        ]
        accepted = [
            request(
                "POST",
                "/friend_request_handle",
                friend.token,
                {"sender_user_id": asker.id, "receiver_user_id": friend.id},
            )
            for asker, friend in pairs
        ]
        self._send("friend requests", friend_requests)
        self._send("friendships", accepted)

    def _greet(self, collector: Person, people: list[Person]) -> list[Participant]:
        """Send a message in each private conversation of a user, as the friends."""
        by_id = {person.id: person for person in people}
        chats = self._list_private_chats(collector)
        places = [Participant(by_id[friend], chat) for friend, chat in chats.items()]
        self._send("first messages", [send_request(place, text_of(1)) for place in places])
        return places

    def _create_group(self, members: list[Person]) -> list[Participant]:
        owner, *others = members
        body = {"members": [member.id for member in others], "name": f"Group of {len(members)}"}
        [made] = self._send("group", [request("POST", "/conversations", owner.token, body)])
        return [Participant(member, made["conversation_id"]) for member in members[:_SENDERS]]

    def _create_histories(
        self, owner: Person, friends: list[Person], sizes: Sequence[int]
    ) -> dict[int, Participant]:
        chats = self._list_private_chats(owner)
        histories = {}
        for size, friend in zip(sizes, friends, strict=False):
            chat = chats[friend.id]
            both = Participant(owner, chat), Participant(friend, chat)
            requests = [send_request(both[n % 2], text_of(n)) for n in range(size)]
            self._send(f"messages of a history of {size}", requests)
            histories[size] = both[0]
        return histories

    def _list_private_chats(self, person: Person) -> dict[int, int]:
        """The private conversations of a user, by the id of the friend."""
        [body] = self._send("list", [request("GET", "/conversations", person.token)])
        listed: list[dict[str, Any]] = body["conversation"]
        return {each["friend_id"]: each["id"] for each in listed if "friend_id" in each}

    def _send(self, what: str, requests: Sequence[bytes]) -> list[dict[str, Any]]:
        """Send requests, all of which must succeed; the responses."""
        answers: list[dict[str, Any]] = []
        waiting = iter(requests)
        while batch := list(islice(waiting, _BATCH)):
            outcome = self._load.send(self._address, batch, _CLIENTS, with_bodies=True)
            answers += map(orjson.loads, outcome.bodies)
            if outcome.errors:
                raise RuntimeError(next(f"{each}" for each in answers if each["code"] != 0))
            if len(requests) > _BATCH:
                self._echo(f"  {what}: {len(answers)} of {len(requests)}")
        return answers
