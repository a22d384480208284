"""People who go on using the product whatever happens to it, and insist on an answer."""

import random
import threading
import time
from collections.abc import Callable, Container
from itertools import count
from typing import Any, NamedTuple

import requests

from shared.testing.secrecy import confide
from tests.chaos.record import Record, Sent
from tests.cluster import Cluster
from tests.people import (
    PASSWORD,
    Person,
    befriend,
    make_group,
    newcomer,
    private_chat,
    unused_email,
)

CITIZENS = 8
_IN_A_GROUP = 5
_PATIENCE = 6.0  # Seconds for one attempt.
_SECONDS_TO_RECOVER = 90.0
_PAUSE = 0.05

OK = (200, 0)
_EXISTS = (400, -1)
_REQUESTED, _FRIENDS_ALREADY = (403, -5), (403, -4)
_NO_FRIENDS_ALREADY = (404, -3)
_GONE_ALREADY = (404, -1)

Answer = tuple[tuple[int, int], dict[str, Any]]


class Neverending(Exception):
    """No answer that can be accepted came, long after everything was well again."""


class Town(NamedTuple):
    """Who lives there, and where they talk: the members of each conversation."""

    citizens: list["Citizen"]
    conversations: dict[int, list[Person]]


class Citizen(threading.Thread):
    """Does one thing after another, each until it is done.

    Args:
        person: whose account it is.
        acquaintance: somebody whom they befriend and unfriend, and nobody else does.
        seed: decides what they do.

    Attributes:
        conversation_ids: where they talk.
    """

    def __init__(
        self,
        cluster: Cluster,
        record: Record,
        person: Person,
        acquaintance: Person,
        seed: str,
        stopped: threading.Event,
    ) -> None:
        super().__init__()
        self.person = person
        self.acquaintance = acquaintance
        self.conversation_ids: list[int] = []
        self._cluster = cluster
        self._record = record
        self._random = random.Random(seed)
        self._stopped = stopped
        self._stopped_at = 0.0
        self._numbers = count(1)
        self._own: list[str] = []
        self._session = requests.Session()
        self._session.trust_env = False

    def run(self) -> None:
        """Live until told to stop, and finish what was begun."""
        deeds: list[Callable[[], None]] = [self._send, self._read, self._send_once]
        deeds += [self._delete, self._change_friendship, self._rename, self._register]
        weights = [10, 5, 2, 2, 2, 1, 1]
        try:
            while not self._stopped.wait(_PAUSE):
                [deed] = self._random.choices(deeds, weights)
                deed()
        except Neverending as never:
            self._record.is_unkept(f"{self.person.name}: {never}")

    def _send(self) -> None:
        text, conversation_id = self._new_text(), self._somewhere()
        body = self._insist(
            "POST",
            "/conversations/messages",
            conversationId=conversation_id,
            content=text,
            client_id=text,
        )
        self._was_sent(text, conversation_id, body)

    def _send_once(self) -> None:
        text, conversation_id = self._new_text(), self._somewhere()
        fields = {"conversationId": conversation_id, "content": text}
        status, body = self._ask("POST", "/conversations/messages", self.person.token, fields)
        if status == OK:
            self._was_sent(text, conversation_id, body)
        else:
            self._record.acknowledged("perhaps", text)

    def _was_sent(self, text: str, conversation_id: int, body: dict[str, Any]) -> None:
        sent = Sent(conversation_id, self.person.id, body["message_id"], body["seq"])
        self._record.acknowledged("sent", text, sent)
        self._own.append(text)

    def _read(self) -> None:
        conversation_id = self._somewhere()
        body = self._insist("GET", "/conversations/messages", conversationId=conversation_id)
        seqs = [message["seq"] for message in body["messages"]]
        if seqs:
            self._record.acknowledged("read", (self.person.id, conversation_id), seqs[-1])
        if seqs != sorted(set(seqs)):
            self._record.is_unkept(f"conversation {conversation_id} was read as {seqs}")

    def _delete(self) -> None:
        if not self._own:
            return
        text = self._own.pop(self._random.randrange(len(self._own)))
        message_id = self._record.sent[text].message_id
        self._insist("DELETE", "/conversations/messages", (_GONE_ALREADY,), message_id=message_id)
        self._record.acknowledged("deleted", text)

    def _change_friendship(self) -> None:
        pair = (self.person.id, self.acquaintance.id)
        if self._record.friends[pair]:
            friend_id = self.acquaintance.id
            self._insist("DELETE", "/manage_friends", (_NO_FRIENDS_ALREADY,), friend_id=friend_id)
        else:
            self._insist(
                "POST",
                "/add_friend",
                (_REQUESTED, _FRIENDS_ALREADY),
                target_id=self.acquaintance.id,
            )
            self._insist(
                "POST",
                "/friend_request_handle",
                (_FRIENDS_ALREADY,),
                self.acquaintance.token,
                sender_user_id=self.person.id,
                receiver_user_id=self.acquaintance.id,
            )
        self._record.acknowledged("friends", pair, not self._record.friends[pair])

    def _rename(self) -> None:
        name = f"{self.person.name} {next(self._numbers)}"
        self._insist("PUT", "/account/info", name=name, origin_password=PASSWORD)
        self._record.acknowledged("names", self.person.id, name)

    def _register(self) -> None:
        email = unused_email("new")
        body = self._insist(
            "POST", "/account/reg", (_EXISTS,), name="New", email=email, password=PASSWORD
        )
        if "id" not in body:  # An earlier attempt made it, and its answer was lost.
            body = self._insist("POST", "/account/login", email=email, password=PASSWORD)
        self._record.acknowledged("accounts", email, body["id"])

    def _new_text(self) -> str:
        return f"{self.person.name} {next(self._numbers)}"

    def _somewhere(self) -> int:
        return self._random.choice(self.conversation_ids)

    def _insist(
        self,
        method: str,
        path: str,
        also: Container[tuple[int, int]] = (),
        token: str | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Ask again until it has succeeded, or an answer in ``also`` says that it had before."""
        while True:
            status, body = self._ask(method, path, token or self.person.token, fields)
            if status == OK or status in also:
                return body
            self._record.counts("retries")
            if self._has_waited_enough():
                raise Neverending(f"{method} {path}: {status} {body}")
            time.sleep(self._random.uniform(_PAUSE, 5 * _PAUSE))

    def _has_waited_enough(self) -> bool:
        if self._stopped.is_set() and not self._stopped_at:
            self._stopped_at = time.monotonic()
        return bool(self._stopped_at) and (
            time.monotonic() > self._stopped_at + _SECONDS_TO_RECOVER
        )

    def _ask(self, method: str, path: str, token: str | None, fields: dict[str, Any]) -> Answer:
        """Ask once; status and code of the answer are 0 if there was none."""
        self._record.counts("requests")
        confide(fields)
        try:
            response = self._session.request(
                method,
                self._cluster.base_url + path,
                headers={"Authorization": token} if token else {},
                params=fields if method == "GET" else None,
                json=None if method == "GET" else fields,
                timeout=_PATIENCE,
            )
            body: dict[str, Any] = response.json()
        except (requests.RequestException, ValueError):
            return (0, 0), {}
        if response.status_code == 500:
            self._record.is_unkept(f"{method} {path} was answered with 500")
        return (response.status_code, body["code"]), body


def settle(cluster: Cluster, record: Record, seed: int, stopped: threading.Event) -> Town:
    """People with accounts, friends, groups and private chats, before anything goes wrong."""
    base_url = cluster.base_url
    citizens = []
    for number in range(CITIZENS):
        person = newcomer(base_url, f"Citizen{number}")
        acquaintance = newcomer(base_url, f"Friend{number}")
        befriend(person, acquaintance)
        record.acknowledged("friends", (person.id, acquaintance.id), True)
        record.acknowledged("names", person.id, person.name)
        record.acknowledged("accounts", person.email, person.id)
        citizens.append(Citizen(cluster, record, person, acquaintance, f"{seed} {number}", stopped))
    people = [citizen.person for citizen in citizens]
    for number, person in enumerate(people):
        befriend(person, *people[number + 1 :])
    conversations = {
        private_chat(one, other): [one, other]
        for one, other in zip(people, [*people[1:], people[0]], strict=True)
    }
    for first in (0, CITIZENS // 2):
        owner, *members = (people + people)[first : first + _IN_A_GROUP]
        conversations[make_group(owner, *members)] = [owner, *members]
    for citizen in citizens:
        citizen.conversation_ids = [
            conversation_id
            for conversation_id, members in conversations.items()
            if citizen.person in members
        ]
    return Town(citizens, conversations)
