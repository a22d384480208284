"""Syncing any earlier state results in the state of a new client."""

from copy import deepcopy
from typing import NamedTuple

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chat_service.tests.calls import (
    delete_message,
    hide_messages,
    list_conversations,
    list_messages,
    send_text,
    sync_conversations,
)
from chat_service.tests.factories import add_member, befriend, make_account, make_group
from shared.testing.cast import signed_in
from shared.testing.properties import extended_timeout, new_user_ids, run_state_machine

pytestmark = [pytest.mark.database, extended_timeout]

any_number = st.integers(0, 1000)


class Copy(NamedTuple):
    """A client's copy of a conversation."""

    version: int
    ids: set[int]


State = dict[int, Copy]


class Devices(RuleBasedStateMachine):
    """Devices of a reader sync at times, while the reader and a friend send and delete."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app
        ids = new_user_ids(2)
        for id_ in ids:
            make_account(app, id_, f"User {id_}")
        self.friend, self.reader = (signed_in(app, id_) for id_ in ids)
        self.friendship = 0
        self.change_friendship()
        [private] = list_conversations(self.reader)
        self.private: int = private["id"]
        self.group = make_group(app, *ids)
        self.is_in_group = True
        self.sent: list[tuple[int, int]] = []
        self.hidden: set[int] = set()
        self.devices: list[State] = [{}]

    @property
    def open_conversations(self) -> list[int]:
        """The conversations that are open to the reader."""
        return [self.group] * self.is_in_group + [self.private] * self.are_friends

    @rule(number=any_number, by_reader=st.booleans(), count=st.integers(1, 4))
    @precondition(lambda self: self.open_conversations)
    def send(self, number: int, by_reader: bool, count: int) -> None:
        conversation = self.open_conversations[number % len(self.open_conversations)]
        writer = self.reader if by_reader else self.friend
        self.sent += [(conversation, send_text(writer, conversation)) for _ in range(count)]

    @rule()
    def receive_in_group(self) -> None:
        self.sent.append((self.group, send_text(self.friend, self.group)))

    @precondition(lambda self: self.sent)
    @rule(number=any_number)
    def delete(self, number: int) -> None:
        conversation, message_id = self.sent[number % len(self.sent)]
        if delete_message(self.friend, message_id).status_code == 200:
            self.sent.remove((conversation, message_id))

    @precondition(lambda self: self.sent)
    @rule(number=any_number)
    def hide(self, number: int) -> None:
        conversation, message_id = self.sent[number % len(self.sent)]
        if conversation in self.open_conversations:
            assert hide_messages(self.reader, message_id).status_code == 200
            self.hidden.add(message_id)

    @rule()
    def join_or_leave(self) -> None:
        if self.is_in_group:
            leaving = {"conversation_id": self.group}
            reply = self.reader.post("/conversations/member/remove", json=leaving)
            assert reply.status_code == 200, reply.json
        else:
            add_member(self.app, self.group, self.reader.id)
        self.is_in_group = not self.is_in_group

    @rule()
    def change_friendship(self) -> None:
        self.friendship += 1
        self.are_friends = bool(self.friendship % 2)
        pair = self.friend.id, self.reader.id
        befriend(self.app, *pair, active=self.are_friends, version=self.friendship)

    @rule(limit=st.integers(1, 4))
    def add_device(self, limit: int) -> None:
        self.devices.append(self._sync({}, limit))

    @rule(number=any_number, limit=st.integers(1, 4), stores=st.booleans())
    def sync_device(self, number: int, limit: int, stores: bool) -> None:
        number = number % len(self.devices)
        state = self._sync(self.devices[number], limit)
        self._compare(state)
        if stores:
            self.devices[number] = state

    def teardown(self) -> None:
        for state in self.devices:
            self._compare(self._sync(state, limit=3))

    def _compare(self, state: State) -> None:
        new_client = {
            row["id"]: Copy(
                row["version"],
                {message["id"] for message in list_messages(self.reader, row["id"], read="false")},
            )
            for row in list_conversations(self.reader)
        }
        assert {
            id_: Copy(known.version, known.ids - self.hidden) for id_, known in state.items()
        } == new_client

    def _sync(self, earlier: State, limit: int) -> State:
        state = deepcopy(earlier)
        while True:
            versions = {id_: known.version for id_, known in state.items()}
            answer = sync_conversations(self.reader, versions, limit=limit)
            for gone in answer["gone"]:
                del state[gone]
            for row in answer["conversations"]:
                ids = {message["id"] for message in row["messages"]}
                if row["id"] in state:
                    ids |= state[row["id"]].ids
                elif row["has_more"]:
                    older = {"before_id": min(ids), "read": "false"}
                    ids |= {
                        message["id"] for message in list_messages(self.reader, row["id"], **older)
                    }
                state[row["id"]] = Copy(row["version"], ids - set(row["deleted_ids"]))
            if not answer["conversations"]:
                return state


def test_a_synced_device_equals_a_new_client(app: Flask) -> None:
    run_state_machine(lambda: Devices(app))
