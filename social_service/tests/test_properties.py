"""Friendships, requests and groups of friends, in whatever order things happen."""

from collections import defaultdict
from itertools import combinations

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from shared.errors import INVALID_JWT, ErrorSpec
from shared.testing.client import Caller
from shared.testing.neighbours import Neighbour
from shared.testing.properties import few_or_many, newcomers, succeeds, tell_stories, unhurried
from shared.testing.tokens import issue
from social_service import errors
from social_service.models import RequestStatus
from social_service.tests.deeds import accept, ask, friend_ids, refuse, unfriend
from social_service.tests.factories import make_account, make_group

pytestmark = unhurried

EVERYBODY = range(3)
ONE_WHO_COMES_AND_GOES = 2
somebody = st.sampled_from(EVERYBODY)
any_number = st.integers(0, 1000)


class Friends(RuleBasedStateMachine):
    """Three people, each with a group of friends, and what the rules say about them."""

    def __init__(self, app: Flask, chat: Neighbour) -> None:
        super().__init__()
        self.app = app
        self.chat = chat
        self.ids = newcomers(len(EVERYBODY))
        self.people = [Caller(app, issue(id_), id_) for id_ in self.ids]
        self.generation = dict.fromkeys(EVERYBODY, 0)
        for id_ in self.ids:
            make_account(app, id_)
        self.groups = [make_group(app, id_) for id_ in self.ids]
        self.friends: set[frozenset[int]] = set()
        self.requests: dict[tuple[int, int], RequestStatus] = {}  # The newest stands last.
        self.in_group: dict[int, set[int]] = defaultdict(set)
        self.deleted: set[int] = set()

    @rule(sender=somebody, receiver=somebody)
    def asks(self, sender: int, receiver: int) -> None:
        refusal = None
        if sender == receiver:
            refusal = errors.CANNOT_ADD_SELF
        elif self.deleted & {sender, receiver}:
            refusal = errors.USER_GONE
        elif frozenset((sender, receiver)) in self.friends:
            refusal = errors.ALREADY_FRIENDS
        elif self.requests.get((sender, receiver)) == RequestStatus.WAITING:
            refusal = errors.REQUEST_ALREADY_SENT
        if succeeds(ask(self.people[sender], self.people[receiver]), refusal):
            self.requests.pop((sender, receiver), None)
            self.requests[sender, receiver] = RequestStatus.WAITING

    @rule(receiver=somebody, sender=somebody)
    def accepts(self, receiver: int, sender: int) -> None:
        reply = accept(self.people[receiver], self.people[sender])
        if succeeds(reply, self._why_not_handled(sender, receiver)):
            self.requests[sender, receiver] = RequestStatus.ACCEPTED
            if self.requests.get((receiver, sender)) == RequestStatus.WAITING:
                self.requests[receiver, sender] = RequestStatus.BECAME_FRIENDS
            self.friends.add(frozenset((sender, receiver)))

    @precondition(lambda self: self._waiting())
    @rule(which=any_number)
    def accepts_one_that_waits(self, which: int) -> None:
        waiting = self._waiting()
        sender, receiver = waiting[which % len(waiting)]
        self.accepts(receiver, sender)

    @rule(receiver=somebody, sender=somebody)
    def refuses(self, receiver: int, sender: int) -> None:
        reply = refuse(self.people[receiver], self.people[sender])
        if succeeds(reply, self._why_not_handled(sender, receiver)):
            self.requests[sender, receiver] = RequestStatus.REFUSED

    def _why_not_handled(self, sender: int, receiver: int) -> ErrorSpec | None:
        if self.deleted & {sender, receiver}:
            return errors.USER_DELETED
        if frozenset((sender, receiver)) in self.friends:
            return errors.ALREADY_FRIENDS
        if self.requests.get((sender, receiver)) != RequestStatus.WAITING:
            return errors.REQUEST_NOT_FOUND
        return None

    def _waiting(self) -> list[tuple[int, int]]:
        waiting = RequestStatus.WAITING
        return [pair for pair, status in self.requests.items() if status == waiting]

    @rule(one=somebody, other=somebody)
    def parts_from(self, one: int, other: int) -> None:
        refusal = None
        if one in self.deleted:
            refusal = INVALID_JWT
        elif frozenset((one, other)) not in self.friends:
            refusal = errors.ALREADY_NOT_FRIEND
        if succeeds(unfriend(self.people[one], self.people[other]), refusal):
            self.friends.remove(frozenset((one, other)))
            self.requests.pop((one, other), None)
            self.requests.pop((other, one), None)
            self.in_group[one].discard(other)
            self.in_group[other].discard(one)

    @rule(owner=somebody, friend=somebody)
    def puts_into_a_group(self, owner: int, friend: int) -> None:
        refusal = None
        if owner in self.deleted:
            refusal = INVALID_JWT
        elif frozenset((owner, friend)) not in self.friends:
            refusal = errors.MEMBER_NOT_FRIEND
        elif friend in self.in_group[owner]:
            refusal = errors.MEMBER_ALREADY_IN_GROUP
        if succeeds(
            self.people[owner].post("/groups/members", json=self._in(owner, friend)), refusal
        ):
            self.in_group[owner].add(friend)

    @precondition(lambda self: self.friends)
    @rule(which=any_number)
    def two_friends_put_each_other_into_a_group(self, which: int) -> None:
        one, other = sorted(map(sorted, self.friends))[which % len(self.friends)]
        self.puts_into_a_group(one, other)
        self.puts_into_a_group(other, one)

    @rule(owner=somebody, friend=somebody)
    def takes_out_of_a_group(self, owner: int, friend: int) -> None:
        refusal = None
        if owner in self.deleted:
            refusal = INVALID_JWT
        elif friend not in self.in_group[owner]:
            refusal = errors.MEMBER_NOT_IN_GROUP
        reply = self.people[owner].delete("/groups/members", json=self._in(owner, friend))
        if succeeds(reply, refusal):
            self.in_group[owner].remove(friend)

    def _in(self, owner: int, friend: int) -> dict[str, int]:
        return {"group_id": self.groups[owner], "member_id": self.ids[friend]}

    @rule()
    def is_deleted_or_restored(self) -> None:
        person = ONE_WHO_COMES_AND_GOES
        self.deleted ^= {person}
        self.generation[person] += person in self.deleted
        id_, generation = self.ids[person], self.generation[person]
        is_deleted = person in self.deleted
        version = 1 + 2 * generation - is_deleted
        make_account(self.app, id_, deleted=is_deleted, generation=generation, version=version)
        if not is_deleted:
            self.people[person].token = issue(id_, generation)

    @rule(person=somebody)
    def looks(self, person: int) -> None:
        if person in self.deleted:
            return
        friends = {other for pair in self.friends if person in pair for other in pair - {person}}
        asked = [
            (self.ids[sender], status)
            for (sender, receiver), status in reversed(self.requests.items())
            if receiver == person
        ]
        caller = self.people[person]
        requests = caller.get("/friend_requests").json["requests"]
        group = caller.get("/groups/members", query_string={"group_id": self.groups[person]}).json
        assert friend_ids(caller) == [self.ids[friend] for friend in sorted(friends)]
        assert [(each["sender_user_id"], each["status"]) for each in requests] == asked
        assert [each["id"] for each in group["members"]] == [
            self.ids[friend] for friend in sorted(self.in_group[person])
        ]

    def teardown(self) -> None:
        for person in EVERYBODY:
            self.looks(person)
        for low, high in combinations(EVERYBODY, 2):
            told = [
                (state["version"], state["active"])
                for state in self.chat.states("friendship")
                if (state["low_id"], state["high_id"]) == (self.ids[low], self.ids[high])
            ]
            assert told == [(number, number % 2 == 1) for number in range(1, len(told) + 1)]
            assert bool(len(told) % 2) == (frozenset((low, high)) in self.friends)


def test_friends_requests_and_groups_are_as_the_rules_say(app: Flask, chat: Neighbour) -> None:
    tell_stories(lambda: Friends(app, chat))


@few_or_many
@given(order=st.permutations([*range(1, 5), *range(1, 5)]))
def test_an_account_is_always_as_the_newest_event_said(app: Flask, order: list[int]) -> None:
    owner, person = newcomers(2)
    make_account(app, owner)
    caller = Caller(app, issue(owner), owner)
    for told, version in enumerate(order, start=1):
        make_account(app, person, f"Name {version}", version=version)
        found = caller.get("/search_user_detail", query_string={"userId": person}).json["user"]
        assert found["name"] == f"Name {max(order[:told])}"
