"""The users of a trial, with accounts, friends, groups and private chats."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from typing import NamedTuple

from tests.chaos.asking import Reachable
from tests.chaos.citizens import Citizen, Club, Operation
from tests.chaos.clubs import MEMBER, OWNER, run_club
from tests.chaos.followers import Follower
from tests.chaos.living import change_friendship, register, rename
from tests.chaos.record import Record, Sent
from tests.chaos.talking import delete, hide, read, send, send_once, send_picture
from tests.client import ApiClient
from tests.cluster import until
from tests.factories import befriend, make_group, make_user

_CITIZENS = 8
_IN_A_GROUP = 5
_IN_A_CLUB = 3
_SECONDS_TO_CATCH_UP = 60

_OPERATIONS: dict[Operation, int] = {
    send: 10,
    read: 5,
    run_club: 4,
    send_once: 2,
    send_picture: 2,
    hide: 2,
    delete: 2,
    change_friendship: 2,
    rename: 1,
    register: 1,
}
"""What they do, and how often beside the others."""


class Town(NamedTuple):
    """The users of a trial, and the members of each conversation.

    Attributes:
        citizens: the active users.
        followers: some of the users, who only follow.
        conversations: conversations whose members do not change.
    """

    citizens: list[Citizen]
    followers: list[Follower]
    conversations: dict[int, list[ApiClient]]

    def lives(self) -> list[threading.Thread]:
        """Create a thread for each citizen, which ends when stopped."""
        return [threading.Thread(target=each.live, args=[_OPERATIONS]) for each in self.citizens]

    def start_followers(self) -> list[threading.Thread]:
        """Create a thread for each follower, which ends when the follower leaves."""
        return [threading.Thread(target=each.listen) for each in self.followers]

    def stop_followers(self) -> None:
        """End the threads of the followers."""
        for follower in self.followers:
            follower.leave()

    def ends(self, record: Record) -> None:
        """Send a last message in each conversation, and wait until the followers have received it.

        A frame can be lost without the connection; the next one reveals the gap.
        """
        last = {}
        for conversation_id, (member, *_) in self.conversations.items():
            text = f"The end of {conversation_id}"
            body = member.post(
                "/conversations/messages", conversationId=conversation_id, content=text
            ).result()
            last[conversation_id] = body["message_id"]
            sent = Sent(conversation_id, member.id, body["message_id"], body["seq"])
            record.acknowledged("sent", text, sent)
        with suppress(AssertionError):  # The checker reports followers without it.
            until(lambda: all(each.is_at(last) for each in self.followers), _SECONDS_TO_CATCH_UP)


def settle(product: Reachable, record: Record, seed: int, stopped: threading.Event) -> Town:
    """Create the users before any fault."""
    base_url = product.base_url
    people = [make_user(base_url, f"Citizen{number}") for number in range(_CITIZENS)]
    for number, person in enumerate(people):
        befriend(person, *people[number + 1 :])
        record.acknowledged("names", person.id, person.name)
        record.acknowledged("accounts", person.email, person.id)
    conversations = {
        one.get_private_conversation(other.id).id: [one, other]
        for one, other in zip(people, [*people[1:], people[0]], strict=True)
    }
    for first in (0, _CITIZENS // 2):
        owner, *members = _from(people, first, _IN_A_GROUP)
        conversations[make_group(owner, *members)] = [owner, *members]
    citizens, followers = [], []
    for number, person in enumerate(people):
        acquaintance = make_user(base_url, f"Friend{number}")
        befriend(person, acquaintance)
        record.acknowledged("friends", (person.id, acquaintance.id), True)
        club = _club(record, *_from(people, number, _IN_A_CLUB))
        here = [each for each, members in conversations.items() if person in members]
        citizens.append(
            Citizen(product, record, person, acquaintance, club, here, f"{seed} {number}", stopped)
        )
        if number % 2:
            followers.append(Follower(product.base_url, record, person, here))
    return Town(citizens, followers, conversations)


def _club(record: Record, owner: ApiClient, *members: ApiClient) -> Club:
    club_id = make_group(owner, *members)
    roles = {owner.id: OWNER, **{each.id: MEMBER for each in members}}
    record.acknowledged("roles", club_id, roles)
    return Club(club_id, {each.id: each for each in (owner, *members)})


def _from(people: list[ApiClient], first: int, count: int) -> Iterator[ApiClient]:
    return islice(cycle(people), first, first + count)
