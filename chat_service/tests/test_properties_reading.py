"""Unread counts, receipts and hidden messages, recounted one by one, whatever people do."""

from dataclasses import dataclass, field

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chat_service import errors
from chat_service.tests.calls import (
    delete_message,
    fetch_messages,
    get_conversation,
    get_unread_count,
    hide_messages,
    send_text,
)
from chat_service.tests.factories import befriend, make_account, make_group
from shared.testing.cast import signed_in
from shared.testing.properties import extended_timeout, new_user_ids, run_state_machine, succeeds

pytestmark = [pytest.mark.database, extended_timeout]

OWNER, ADMIN, MEMBER, COMES_AND_GOES = EVERYBODY = range(4)
somebody = st.sampled_from(EVERYBODY)
any_number = st.integers(0, 1000)


@dataclass
class Said:
    """What the model knows of a message; its place in the list is its number less one."""

    id: int
    sender: int
    is_gone: bool = False


@dataclass
class Reader:
    """How far somebody has read: for themselves, and as others may know."""

    read_up_to: int = 0
    shown_to_others: int = 0
    set_by_hand: int = 0
    hidden: set[int] = field(default_factory=set)


class Reading(RuleBasedStateMachine):
    """Four people in a group, one of whom leaves and returns."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.ids = new_user_ids(len(EVERYBODY))
        self.people = [signed_in(app, id_) for id_ in self.ids]
        for id_ in self.ids:
            make_account(app, id_, f"Somebody {id_}")
        owner, admin, member, comes_and_goes = self.ids
        befriend(app, owner, comes_and_goes)
        self.group = make_group(app, owner, member, comes_and_goes, admins=(admin,))
        self.readers = {person: Reader() for person in EVERYBODY}
        self.said: list[Said] = []

    @rule(person=somebody)
    def says(self, person: int) -> None:
        if person in self.readers:
            self.said.append(Said(send_text(self.people[person], self.group), person))
            self._reads(person, len(self.said))

    @rule(person=somebody)
    def reads_everything(self, person: int) -> None:
        if person in self.readers:
            self._fetches(person, self._visible_to(person), len(self.said))

    @rule(person=somebody, limit=st.integers(1, 4))
    def reads_the_newest(self, person: int, limit: int) -> None:
        if person in self.readers:
            page = self._visible_to(person)[-limit:]
            self._fetches(person, page, len(self.said), limit=limit)

    @precondition(lambda self: self.said)
    @rule(person=somebody, limit=st.integers(1, 4), which=any_number)
    def reads_a_page_after(self, person: int, limit: int, which: int) -> None:
        if person in self.readers:
            start = which % len(self.said)
            page = [seq for seq in self._visible_to(person) if seq > start + 1][:limit]
            up_to = page[-1] if len(page) == limit else len(self.said) if page else 0
            self._fetches(person, page, up_to, limit=limit, after_id=self.said[start].id)

    @precondition(lambda self: self.said)
    @rule(person=somebody, limit=st.integers(1, 4), which=any_number)
    def reads_a_page_before(self, person: int, limit: int, which: int) -> None:
        if person in self.readers:
            start = which % len(self.said)
            page = [seq for seq in self._visible_to(person) if seq < start + 1][-limit:]
            up_to = page[-1] if page else 0
            self._fetches(person, page, up_to, limit=limit, before_id=self.said[start].id)

    @precondition(lambda self: self.said)
    @rule(person=somebody, which=any_number)
    def deletes_for_everybody(self, person: int, which: int) -> None:
        message = self.said[which % len(self.said)]
        is_own = message.sender == person and person in self.readers
        refusal = None
        if message.is_gone:
            refusal = errors.MESSAGE_NOT_FOUND_ZH
        elif not is_own and person not in (OWNER, ADMIN):
            refusal = errors.MAY_NOT_DELETE
        if succeeds(delete_message(self.people[person], message.id), refusal):
            message.is_gone = True

    @precondition(lambda self: self.said)
    @rule(person=somebody, which=any_number)
    def hides(self, person: int, which: int) -> None:
        seq = which % len(self.said) + 1
        message = self.said[seq - 1]
        is_there = person in self.readers and not message.is_gone
        refusal = None if is_there else errors.MESSAGE_NOT_FOUND
        if succeeds(hide_messages(self.people[person], message.id), refusal):
            self.readers[person].hidden.add(seq)

    @rule(person=somebody, count=st.integers(0, 3))
    def marks_as_unread(self, person: int, count: int) -> None:
        body = {"conversation_id": self.group, "unreads": count}
        refusal = None if person in self.readers else errors.NO_ACCESS
        if succeeds(self.people[person].post("/interface", json=body), refusal):
            self.readers[person].read_up_to = len(self.said)
            self.readers[person].set_by_hand = count

    @rule()
    def somebody_leaves_or_returns(self) -> None:
        guest, owner = self.people[COMES_AND_GOES], self.people[OWNER]
        if COMES_AND_GOES in self.readers:
            body = {"conversation_id": self.group}
            assert guest.post("/conversations/member/remove", json=body).status_code == 200
            self.hidden_before = self.readers.pop(COMES_AND_GOES).hidden
            return
        body = {"conversationId": self.group, "member_id": guest.id}
        [invitation] = owner.post("/conversations/member/add", json=body).json["invite_ids"]
        handled = {"invite_id": invitation}
        path = "/conversations/manage/handle_invitation"
        assert owner.post(path, json=handled).status_code == 200
        newcomer = Reader(read_up_to=len(self.said), hidden=self.hidden_before)
        self.readers[COMES_AND_GOES] = newcomer

    @rule(person=somebody)
    def looks(self, person: int) -> None:
        if person not in self.readers:
            return
        reader, visible = self.readers[person], self._visible_to(person)
        after = [seq for seq in visible if seq > reader.read_up_to]
        assert all(self.said[seq - 1].sender != person for seq in after)
        assert get_unread_count(self.people[person], self.group) == len(after) + reader.set_by_hand
        last_id = self.said[visible[-1] - 1].id if visible else 0
        assert get_conversation(self.people[person], self.group)["last_message_id"] == last_id

    @precondition(lambda self: self.said)
    @rule(person=somebody, which=any_number)
    def asks_who_has_read(self, person: int, which: int) -> None:
        seq = which % len(self.said) + 1
        message = self.said[seq - 1]
        is_hidden = person in self.readers and seq in self.readers[person].hidden
        refusal = None
        if message.is_gone or is_hidden:
            refusal = errors.MESSAGE_NOT_FOUND_ZH
        elif person not in self.readers:
            refusal = errors.NO_ACCESS_BAD_REQUEST
        reply = self.people[person].post("/conversations/readlist", json={"message_id": message.id})
        if succeeds(reply, refusal):
            assert [each["id"] for each in reply.json["read_users"]] == [
                self.ids[reader]
                for reader in sorted(self.readers)
                if self.readers[reader].shown_to_others >= seq and reader != message.sender
            ]

    def teardown(self) -> None:
        for person in EVERYBODY:
            self.looks(person)

    def _visible_to(self, person: int) -> list[int]:
        """The numbers of the messages that somebody sees."""
        hidden = self.readers[person].hidden
        numbered = enumerate(self.said, start=1)
        return [seq for seq, each in numbered if not each.is_gone and seq not in hidden]

    def _fetches(self, person: int, page: list[int], up_to: int, **bounds: int) -> None:
        fetched = fetch_messages(self.people[person], self.group, **bounds)
        assert [each["seq"] for each in fetched["messages"]] == page
        gone = sum(each.is_gone for each in self.said)
        assert fetched["version"] == len(self.said) + gone
        self._reads(person, up_to)

    def _reads(self, person: int, up_to: int) -> None:
        reader = self.readers[person]
        if up_to >= reader.read_up_to:
            reader.read_up_to, reader.set_by_hand = up_to, 0
        reader.shown_to_others = max(reader.shown_to_others, up_to)


def test_counts_and_receipts_equal_a_recount(app: Flask) -> None:
    run_state_machine(lambda: Reading(app))
