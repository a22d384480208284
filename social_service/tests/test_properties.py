"""Friendships, requests and groups of friends after operations in any order."""

from collections import defaultdict
from collections.abc import Callable
from itertools import combinations, product

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from shared.testing.client import ApiClient, Reply
from shared.testing.fake_services import FakeService
from shared.testing.properties import (
    example_settings,
    extended_timeout,
    new_user_ids,
    run_state_machine,
    succeeds,
)
from shared.testing.tokens import issue
from shared.web.errors import INVALID_JWT, ErrorSpec
from social_service import errors
from social_service.models import RequestStatus
from social_service.tests.calls import (
    accept_friend_request,
    block_user,
    list_blocked_ids,
    list_friend_ids,
    reject_friend_request,
    remove_friend,
    send_friend_request,
    unblock_user,
)
from social_service.tests.factories import make_account, make_group

pytestmark = [pytest.mark.database, extended_timeout]

USERS = range(3)
ONE_WHO_COMES_AND_GOES = 2
any_user = st.sampled_from(USERS)
any_operation = st.sampled_from(
    [
        "ask",
        "accept",
        "refuse",
        "part",
        "put into a group",
        "take out of a group",
        "block",
        "unblock",
    ]
)


class Friends(RuleBasedStateMachine):
    """Three users, each with a group of friends, and a model of the rules."""

    def __init__(self, app: Flask, chat: FakeService) -> None:
        super().__init__()
        self.app = app
        self.chat = chat
        self.ids = new_user_ids(len(USERS))
        self.people = [ApiClient(app, issue(id_), id_) for id_ in self.ids]
        self.generation = dict.fromkeys(USERS, 0)
        for id_ in self.ids:
            make_account(app, id_)
        self.groups = [make_group(app, id_) for id_ in self.ids]
        self.friends: set[frozenset[int]] = set()
        self.requests: dict[tuple[int, int], RequestStatus] = {}  # The newest stands last.
        self.in_group: dict[int, set[int]] = defaultdict(set)
        self.blocks: list[tuple[int, int]] = []  # The newest stands last.
        self.deleted: set[int] = set()

    @rule(operation=any_operation, which=st.integers(0, 1000))
    def a_user_does_what_is_allowed(self, operation: str, which: int) -> None:
        pairs = [pair for pair in product(USERS, USERS) if not self._refusal(operation, *pair)]
        if pairs:
            self._perform(operation, *pairs[which % len(pairs)])

    @rule(operation=any_operation, user=any_user, other=any_user)
    def a_user_does_anything(self, operation: str, user: int, other: int) -> None:
        self._perform(operation, user, other)

    def _perform(self, operation: str, user: int, other: int) -> None:
        if succeeds(self._request(operation, user, other), self._refusal(operation, user, other)):
            self._effect(operation, user, other)
            self._check_lists(user)
            self._check_lists(other)

    def _request(self, operation: str, user: int, other: int) -> Reply:
        simple: dict[str, Callable[[ApiClient, ApiClient], Reply]] = {
            "ask": send_friend_request,
            "accept": accept_friend_request,
            "refuse": reject_friend_request,
            "part": remove_friend,
            "block": block_user,
            "unblock": unblock_user,
        }
        if operation in simple:
            return simple[operation](self.people[user], self.people[other])
        body = {"group_id": self.groups[user], "member_id": self.ids[other]}
        method = "POST" if operation == "put into a group" else "DELETE"
        return self.people[user].call(method, "/groups/members", json=body)

    def _refusal(self, operation: str, user: int, other: int) -> ErrorSpec | None:
        are_friends = frozenset((user, other)) in self.friends
        one_is_deleted = bool(self.deleted & {user, other})
        refusals: dict[str, tuple[tuple[bool, ErrorSpec], ...]] = {
            "ask": (
                (user == other, errors.CANNOT_ADD_SELF),
                (one_is_deleted, errors.USER_NOT_FOUND_OR_DELETED),
                (are_friends, errors.ALREADY_FRIENDS),
                (self._waits(user, other), errors.REQUEST_ALREADY_SENT),
            ),
            "accept": (
                (one_is_deleted, errors.USER_DELETED),
                (are_friends, errors.ALREADY_FRIENDS),
                (not self._arrived(other, user), errors.REQUEST_NOT_FOUND),
            ),
            "block": (
                (user in self.deleted, INVALID_JWT),
                (user == other, errors.CANNOT_BLOCK_SELF),
            ),
            "part": (
                (user in self.deleted, INVALID_JWT),
                (not are_friends, errors.ALREADY_NOT_FRIEND),
            ),
            "put into a group": (
                (user in self.deleted, INVALID_JWT),
                (not are_friends, errors.MEMBER_NOT_FRIEND),
                (other in self.in_group[user], errors.MEMBER_ALREADY_IN_GROUP),
            ),
            "take out of a group": (
                (user in self.deleted, INVALID_JWT),
                (other not in self.in_group[user], errors.MEMBER_NOT_IN_GROUP),
            ),
        }
        rows = refusals[{"refuse": "accept", "unblock": "block"}.get(operation, operation)]
        return next((refusal for applies, refusal in rows if applies), None)

    def _effect(self, operation: str, user: int, other: int) -> None:
        match operation:
            case "ask":
                self._unblock(user, other)
                self.requests.pop((user, other), None)  # It becomes the newest.
                self.requests[user, other] = RequestStatus.PENDING
            case "accept":
                self.requests[other, user] = RequestStatus.ACCEPTED
                if self._waits(user, other):
                    self.requests[user, other] = RequestStatus.SUPERSEDED
                self.friends.add(frozenset((user, other)))
            case "refuse":
                self.requests[other, user] = RequestStatus.REJECTED
            case "part":
                self._part(user, other)
            case "block" if (user, other) not in self.blocks:
                self._part(user, other)
                self.blocks.append((user, other))
            case "unblock":
                self._unblock(user, other)
            case "put into a group":
                self.in_group[user].add(other)
            case "take out of a group":
                self.in_group[user].remove(other)

    def _part(self, user: int, other: int) -> None:
        self.friends.discard(frozenset((user, other)))
        for sender, receiver in ((user, other), (other, user)):
            self.requests.pop((sender, receiver), None)
            self.in_group[sender].discard(receiver)

    def _unblock(self, user: int, other: int) -> None:
        if (user, other) in self.blocks:
            self.blocks.remove((user, other))
            self.requests.pop((other, user), None)

    def _arrived(self, sender: int, receiver: int) -> bool:
        return self._waits(sender, receiver) and (receiver, sender) not in self.blocks

    def _waits(self, sender: int, receiver: int) -> bool:
        return self.requests.get((sender, receiver)) == RequestStatus.PENDING

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

    def _check_lists(self, person: int) -> None:
        if person in self.deleted:
            return
        friends = {other for pair in self.friends if person in pair for other in pair - {person}}
        expected = [
            (self.ids[sender], status)
            for (sender, receiver), status in reversed(self.requests.items())
            if receiver == person and (person, sender) not in self.blocks
        ]
        caller = self.people[person]
        requests = caller.get("/friend_requests").json["requests"]
        group = caller.get("/groups/members", query_string={"group_id": self.groups[person]}).json
        assert list_friend_ids(caller) == [self.ids[friend] for friend in sorted(friends)]
        assert [(each["sender_user_id"], each["status"]) for each in requests] == expected
        assert list_blocked_ids(caller) == [
            self.ids[blocked] for blocker, blocked in reversed(self.blocks) if blocker == person
        ]
        assert [each["id"] for each in group["members"]] == [
            self.ids[friend] for friend in sorted(self.in_group[person])
        ]

    def teardown(self) -> None:
        for person in USERS:
            self._check_lists(person)
        for low, high in combinations(USERS, 2):
            versions = [
                (state["version"], state["active"])
                for state in self.chat.states("friendship")
                if (state["low_id"], state["high_id"]) == (self.ids[low], self.ids[high])
            ]
            assert versions == [(number, number % 2 == 1) for number in range(1, len(versions) + 1)]
            assert bool(len(versions) % 2) == (frozenset((low, high)) in self.friends)


def test_friends_requests_and_groups_are_as_the_rules_say(app: Flask, chat: FakeService) -> None:
    run_state_machine(lambda: Friends(app, chat))


@example_settings
@given(order=st.permutations([*range(1, 5), *range(1, 5)]))
def test_an_account_is_always_as_the_newest_event_said(app: Flask, order: list[int]) -> None:
    owner, person = new_user_ids(2)
    make_account(app, owner)
    caller = ApiClient(app, issue(owner), owner)
    for versions, version in enumerate(order, start=1):
        make_account(app, person, f"Name {version}", version=version)
        profile = caller.get("/search_user_detail", query_string={"userId": person}).json["user"]
        assert profile["name"] == f"Name {max(order[:versions])}"
