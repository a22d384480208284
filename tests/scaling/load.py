"""Concurrent users, and the responses that they received."""

import json
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from ims_client import Arrived, Client, Connected, Live, UnreachableError
from ims_client.transport import Transport

from tests.client import PASSWORD, ApiClient
from tests.cluster import until
from tests.factories import befriend, make_group, make_user, unused_email

PAUSE = 0.02  # Seconds between two requests of one user.
SECONDS = 30
OK = 200
NOTHING = 0  # The status without a response.


class Request(NamedTuple):
    """A request of a user. Fields of a GET go into the query."""

    token: str | None
    method: str
    path: str
    fields: dict[str, Any]

    @property
    def reads(self) -> bool:
        """Whether any client can retry it."""
        return self.method == "GET"


class Answer(NamedTuple):
    """The response to a request, with the time of the request (monotonic clock)."""

    request: Request
    status: int
    body: str
    sent_at: float


# Yields requests, and receives the body of each successful response.
Requests = Generator[Request, Any, None]


class Requester(threading.Thread):
    """Sends one request after another, each of them once, until stopped."""

    def __init__(self, base_url: str, requests: Requests, stopped: threading.Event) -> None:
        super().__init__()
        self.answers: list[Answer] = []
        self._transport = Transport(base_url)
        self._requests = requests
        self._stopped = stopped

    def run(self) -> None:
        """Send requests."""
        request = next(self._requests)
        while not self._stopped.wait(PAUSE):
            sent_at = time.monotonic()
            status, body = self._send(request)
            self.answers.append(Answer(request, status, body, sent_at))
            request = self._requests.send(json.loads(body) if status == OK else None)

    def _send(self, request: Request) -> tuple[int, str]:
        try:
            response = self._transport.fetch(
                request.method,
                request.path,
                headers={"Authorization": request.token} if request.token else {},
                params=request.fields if request.reads else None,
                json=None if request.reads else request.fields,
                timeout=SECONDS,
            )
            return response.status_code, response.text
        except UnreachableError as failure:
            return NOTHING, repr(failure.__cause__)


class Follower(threading.Thread):
    """Follows a conversation over a socket, and reconnects."""

    def __init__(self, person: ApiClient, conversation_id: int) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.connections = 0
        self._conversation_id = conversation_id
        self.live = Live(Client(person.base_url, person.id, str(person.token)))

    def run(self) -> None:
        """Listen until the socket is closed from here."""
        self.live.follow(self._conversation_id, limit=1)
        for event in self.live:
            if isinstance(event, Arrived):
                self.texts.append(event.message.content)
            elif isinstance(event, Connected):
                self.connections += 1


class Crowd:
    """Three friends with a group, who read, write and listen.

    Attributes:
        group: the id of the group's conversation.
        followers: one listener per user.
        friends_without_chat: ids of users whose accepted friendship had no private conversation.
    """

    def __init__(self, base_url: str) -> None:
        self.people = [make_user(base_url, name) for name in ("Alice", "Bob", "Carol")]
        befriend(*self.people)
        self.group = make_group(*self.people)
        self.followers = [Follower(person, self.group) for person in self.people]
        self.friends_without_chat: list[int] = []
        self._stopped = threading.Event()
        alice, bob, carol = self.people
        self._callers = [
            Requester(base_url, requests, self._stopped)
            for requests in (
                self._sends(alice),
                self._sends(bob),
                self._reads(bob),
                self._reads(carol),
                self._makes_friends(alice),
                _writes(carol),
            )
        ]

    @property
    def size(self) -> int:
        """The number of concurrent requesters."""
        return len(self._callers)

    @property
    def answers(self) -> list[Answer]:
        """All responses so far."""
        return [answer for caller in self._callers for answer in caller.answers]

    @property
    def failures(self) -> list[Answer]:
        """The responses without success."""
        return [answer for answer in self.answers if answer.status != OK]

    def goes_on(self, answers: int = 60) -> None:
        """Wait for a number of further responses."""
        enough = len(self.answers) + answers
        until(lambda: len(self.answers) >= enough)

    def failures_since(self, moment: float) -> list[Answer]:
        """List the failures of requests after a time of the monotonic clock."""
        return [answer for answer in self.failures if answer.sent_at > moment]

    def assert_nothing_lost(self) -> None:
        """Check that acknowledged messages exist once and in one order, for every follower."""
        texts = [each.content for each in self.people[0].list_messages(self.group).messages]
        sent = {
            answer.request.fields["content"]
            for answer in self.answers
            if answer.status == OK and answer.request.path == "/conversations/messages"
            if not answer.request.reads
        }
        assert len(texts) == len(set(texts))
        assert sent <= set(texts)
        for follower in self.followers:
            until(lambda follower=follower: len(follower.texts) >= len(texts))  # type: ignore[misc]
            assert follower.texts == texts

    def begin(self) -> None:
        """Start the followers, and then the requesters."""
        for follower in self.followers:
            follower.start()
        until(lambda: all(follower.connections for follower in self.followers))
        for caller in self._callers:
            caller.start()

    def fall_silent(self) -> None:
        """Stop the requesters; the followers continue."""
        self._stopped.set()
        for caller in self._callers:
            caller.join()

    def leave(self) -> None:
        """Stop all."""
        self.fall_silent()
        for follower in self.followers:
            follower.live.close()
            follower.join()

    def _sends(self, person: ApiClient) -> Requests:
        while True:
            name = uuid.uuid4().hex
            fields = {"conversationId": self.group, "content": name, "client_id": name}
            yield Request(person.token, "POST", "/conversations/messages", fields)

    def _reads(self, person: ApiClient) -> Requests:
        newest = {"conversationId": self.group, "limit": 5}
        while True:
            yield Request(person.token, "GET", "/conversations", {})
            yield Request(person.token, "GET", "/friends", {})
            yield Request(person.token, "GET", "/conversations/messages", newest)
            yield Request(person.token, "GET", "/account/info", {})
            yield Request(person.token, "GET", "/friend_requests", {})

    def _makes_friends(self, host: ApiClient) -> Requests:
        """Each friendship goes through all services, and is a conversation at once."""
        while True:
            fields = {"email": unused_email(), "password": PASSWORD, "name": "New"}
            if not (guest := (yield Request(None, "POST", "/account/reg", fields))):
                continue
            both = {"sender_user_id": guest["id"], "receiver_user_id": host.id}
            yield Request(guest["token"], "POST", "/add_friend", {"target_id": host.id})
            accepted = yield Request(host.token, "POST", "/friend_request_handle", both)
            listed = yield Request(guest["token"], "GET", "/conversations", {})
            if accepted and listed and not listed["conversation"]:
                self.friends_without_chat.append(guest["id"])


def _writes(person: ApiClient) -> Requests:
    """Write into the databases of auth and social."""
    for number in count(1):
        state = {"origin_password": PASSWORD, "user_info": f"State {number}"}
        yield Request(person.token, "PUT", "/account/info", state)
        yield Request(person.token, "POST", "/groups", {"name": f"Group {number}"})


@contextmanager
def crowd(base_url: str) -> Iterator[Crowd]:
    """A crowd that is busy as long as the block lasts."""
    busy = Crowd(base_url)
    busy.begin()
    try:
        busy.goes_on()
        yield busy
    finally:
        busy.leave()
