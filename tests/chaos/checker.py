"""Compare the state of the product with the acknowledged responses and its invariants."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping

from ims_client import Message

from deploy.programs import environment_of
from deploy.verify import run_all_checks
from tests.chaos.asking import OK, Reachable
from tests.chaos.citizens import Club
from tests.chaos.followers import Follower
from tests.chaos.record import Record, Sent
from tests.chaos.talking import content_of
from tests.chaos.town import Town
from tests.client import PASSWORD, ApiClient
from tests.cluster import Cluster, until
from tests.factories import roles_in
from tests.product import ROOT

DELIVERY_TIMEOUT = 100
"""Seconds; the relay waits at most a minute between two attempts."""
PRODUCERS = ("auth_service", "social_service")
"""The services that tell others of events."""


def wait_for_events(cluster: Cluster) -> None:
    """Wait until all events have been delivered."""
    env = os.environ | cluster.env
    until(lambda: not any(_waiting(service, env) for service in PRODUCERS), DELIVERY_TIMEOUT)


def _waiting(service: str, env: Mapping[str, str]) -> int:
    output = subprocess.run(
        [sys.executable, "-m", service, "outbox", "show", "--json"],
        cwd=ROOT,
        env=environment_of(service, env),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return count_waiting(output)


def count_waiting(outbox: str | bytes) -> int:
    """Count the undelivered events in the output of ``outbox show --json``."""
    return sum(consumer["events"] for consumer in json.loads(outbox))


def broken_promises(cluster: Cluster) -> Iterator[str]:
    """Yield the violations that ``make verify`` finds."""
    for result in run_all_checks(os.environ | cluster.env):
        if result.violations:
            yield f"{result.invariant}: {result.violations} times, such as {result.examples}"


def broken_words(product: Reachable, record: Record, town: Town) -> Iterator[str]:
    """Yield the differences between the state and the acknowledged responses."""
    yield from record.unkept
    for conversation_id, people in town.conversations.items():
        yield from _of_conversation(conversation_id, people, record)
    for follower in town.followers:
        yield from _of_follower(follower, record)
    for citizen in town.citizens:
        yield from _of_club(citizen.club, record)
        yield from _of_friends(citizen.person, citizen.acquaintance, record)
    visitor = ApiClient(product.base_url)
    yield from _of_pictures(visitor, record)
    yield from _of_accounts(visitor, record)
    for citizen in town.citizens:
        yield from _of_name(citizen.person, record.names[citizen.person.id])


def _of_conversation(
    conversation_id: int, people: list[ApiClient], record: Record
) -> Iterator[str]:
    unread = [person.get_conversation(conversation_id).unread_count for person in people]
    seen = [person.list_messages(conversation_id).messages for person in people]
    by_position = {(each.seq, each.id): each for listed in seen for each in listed}
    whole = [by_position[place] for place in sorted(by_position)]
    for violations in _of_messages(conversation_id, whole, record):
        yield f"conversation {conversation_id}: {violations}"
    for person, listed, count in zip(people, seen, unread, strict=True):
        if _ids(listed) != _not_hidden(person, _ids(whole), record):
            yield f"conversation {conversation_id}: {person.name} sees other messages, or an order"
        read = record.read.get((person.id, conversation_id), 0)
        news = sum(each.sender_id != person.id and each.seq > read for each in whole)
        left = person.get_conversation(conversation_id).unread_count
        if not 0 <= count <= news or left:
            yield (
                f"conversation {conversation_id}: {count} of {news} unread to {person.name}, "
                f"{left} when all was read"
            )


def _ids(listed: list[Message]) -> list[int]:
    return [each.id for each in listed]


def _not_hidden(person: ApiClient, message_ids: list[int], record: Record) -> list[int]:
    return [each for each in message_ids if (person.id, each) not in record.hidden]


def _of_messages(conversation_id: int, listed: list[Message], record: Record) -> Iterator[str]:
    there = {
        content_of(each): Sent(conversation_id, each.sender_id, each.id, each.seq)
        for each in listed
    }
    acknowledged = {
        text: sent for text, sent in record.sent.items() if sent.conversation_id == conversation_id
    }
    for text, times in Counter(map(content_of, listed)).items():
        if times > 1:
            yield f"{text!r} is there {times} times"
    for text in acknowledged.keys() - record.deleted:
        if there.get(text) != acknowledged[text]:
            yield f"{text!r} was acknowledged as {acknowledged[text]}, and is {there.get(text)}"
    for text in there.keys() & record.deleted:
        yield f"{text!r} was deleted, and is there"
    for text in there.keys() - acknowledged.keys() - record.perhaps:
        yield f"{text!r} was never sent"


def _of_follower(follower: Follower, record: Record) -> Iterator[str]:
    for conversation_id, screen in follower.screens.items():
        listed = _ids(follower.person.list_messages(conversation_id).messages)
        if _not_hidden(follower.person, screen, record) != listed:
            yield f"conversation {conversation_id}: {follower.person.name} has followed in vain"


def _of_club(club: Club, record: Record) -> Iterator[str]:
    roles = record.roles[club.id]
    inside = [person for person in club.people.values() if person.id in roles]
    yield from _of_conversation(club.id, inside, record)
    for person in club.people.values():
        if person in inside:
            if roles_in(person, club.id) != roles:
                yield f"club {club.id}: {person.name} does not see the roles {roles}"
        elif person.get("/conversations/messages", conversationId=club.id).status == OK[0]:
            yield f"club {club.id}: {person.name} is out, and sees it"


def _of_pictures(visitor: ApiClient, record: Record) -> Iterator[str]:
    for path in record.pictures.keys() - record.deleted:
        content = visitor.fetch("GET", path).content
        if hashlib.sha256(content).hexdigest() != record.pictures[path]:
            yield f"{path} is not the picture that was seen there"


def _of_friends(person: ApiClient, acquaintance: ApiClient, record: Record) -> Iterator[str]:
    expected = record.friends[person.id, acquaintance.id]
    for one, other in ((person, acquaintance), (acquaintance, person)):
        friends = {each["id"] for each in one.get("/friends").result()["friends"]}
        chats = {each.friend_id for each in one.list_conversations()}
        if (other.id in friends, other.id in chats) != (expected, expected):
            yield f"{one.name} and {other.name}: friends should be {expected}"


def _of_accounts(visitor: ApiClient, record: Record) -> Iterator[str]:
    for email, account_id in record.accounts.items():
        status, body = visitor.post("/account/login", email=email, password=PASSWORD)
        if status != 200 or body["id"] != account_id:
            yield f"account {account_id} cannot sign in: {status}"


def _of_name(person: ApiClient, name: str) -> Iterator[str]:
    own_name = person.get("/account/info").result()["name"]
    known = person.get("/search_user_detail", userId=person.id).result()["user"]["name"]
    if (own_name, known) != (name, name):
        yield f"{person.name} is called {own_name!r} and known as {known!r}, but chose {name!r}"
