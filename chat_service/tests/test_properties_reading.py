"""Unread counts, receipts and hidden messages equal a model after any sequence of requests."""

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

OWNER, ADMIN, MEMBER, GUEST = USERS = range(4)
any_user = st.sampled_from(USERS)
any_number = st.integers(0, 1000)


@dataclass
class SentMessage:
    """The model of a message; its index in the list is its number minus one."""

    id: int
    sender: int
    is_deleted: bool = False


@dataclass
class Reader:
    """The read positions of a user: own, and visible to others."""

    unread_position: int = 0
    read_position: int = 0
    unread_extra: int = 0
    hidden: set[int] = field(default_factory=set)


class Reading(RuleBasedStateMachine):
    """A group of four users, one of whom leaves and returns."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.ids = new_user_ids(len(USERS))
        self.users = [signed_in(app, id_) for id_ in self.ids]
        for id_ in self.ids:
            make_account(app, id_, f"User {id_}")
        owner, admin, member, guest = self.ids
        befriend(app, owner, guest)
        self.group = make_group(app, owner, member, guest, admins=(admin,))
        self.readers = {user: Reader() for user in USERS}
        self.sent: list[SentMessage] = []

    @rule(user=any_user)
    def send(self, user: int) -> None:
        if user in self.readers:
            self.sent.append(SentMessage(send_text(self.users[user], self.group), user))
            self._advance(user, len(self.sent))

    @rule(user=any_user)
    def read_all(self, user: int) -> None:
        if user in self.readers:
            self._fetch_page(user, self._visible_to(user), len(self.sent))

    @rule(user=any_user, limit=st.integers(1, 4))
    def read_newest_page(self, user: int, limit: int) -> None:
        if user in self.readers:
            page = self._visible_to(user)[-limit:]
            self._fetch_page(user, page, len(self.sent), limit=limit)

    @precondition(lambda self: self.sent)
    @rule(user=any_user, limit=st.integers(1, 4), number=any_number)
    def read_page_after(self, user: int, limit: int, number: int) -> None:
        if user in self.readers:
            start = number % len(self.sent)
            page = [seq for seq in self._visible_to(user) if seq > start + 1][:limit]
            up_to = page[-1] if len(page) == limit else len(self.sent) if page else 0
            self._fetch_page(user, page, up_to, limit=limit, after_id=self.sent[start].id)

    @precondition(lambda self: self.sent)
    @rule(user=any_user, limit=st.integers(1, 4), number=any_number)
    def read_page_before(self, user: int, limit: int, number: int) -> None:
        if user in self.readers:
            start = number % len(self.sent)
            page = [seq for seq in self._visible_to(user) if seq < start + 1][-limit:]
            up_to = page[-1] if page else 0
            self._fetch_page(user, page, up_to, limit=limit, before_id=self.sent[start].id)

    @precondition(lambda self: self.sent)
    @rule(user=any_user, number=any_number)
    def delete(self, user: int, number: int) -> None:
        message = self.sent[number % len(self.sent)]
        is_own = message.sender == user and user in self.readers
        refusal = None
        if message.is_deleted:
            refusal = errors.MESSAGE_NOT_FOUND_ZH
        elif not is_own and user not in (OWNER, ADMIN):
            refusal = errors.MAY_NOT_DELETE
        if succeeds(delete_message(self.users[user], message.id), refusal):
            message.is_deleted = True

    @precondition(lambda self: self.sent)
    @rule(user=any_user, number=any_number)
    def hide(self, user: int, number: int) -> None:
        seq = number % len(self.sent) + 1
        message = self.sent[seq - 1]
        is_there = user in self.readers and not message.is_deleted
        refusal = None if is_there else errors.MESSAGE_NOT_FOUND
        if succeeds(hide_messages(self.users[user], message.id), refusal):
            self.readers[user].hidden.add(seq)

    @rule(user=any_user, count=st.integers(0, 3))
    def mark_as_unread(self, user: int, count: int) -> None:
        body = {"conversation_id": self.group, "unreads": count}
        refusal = None if user in self.readers else errors.NO_ACCESS
        if succeeds(self.users[user].post("/interface", json=body), refusal):
            self.readers[user].unread_position = len(self.sent)
            self.readers[user].unread_extra = count

    @rule()
    def leave_or_return(self) -> None:
        guest, owner = self.users[GUEST], self.users[OWNER]
        if GUEST in self.readers:
            body = {"conversation_id": self.group}
            assert guest.post("/conversations/member/remove", json=body).status_code == 200
            self.hidden_before = self.readers.pop(GUEST).hidden
            return
        body = {"conversationId": self.group, "member_id": guest.id}
        [invitation] = owner.post("/conversations/member/add", json=body).json["invite_ids"]
        handled = {"invite_id": invitation}
        path = "/conversations/manage/handle_invitation"
        assert owner.post(path, json=handled).status_code == 200
        newcomer = Reader(unread_position=len(self.sent), hidden=self.hidden_before)
        self.readers[GUEST] = newcomer

    @rule(user=any_user)
    def check_counts(self, user: int) -> None:
        if user not in self.readers:
            return
        reader, visible = self.readers[user], self._visible_to(user)
        after = [seq for seq in visible if seq > reader.unread_position]
        assert all(self.sent[seq - 1].sender != user for seq in after)
        assert get_unread_count(self.users[user], self.group) == len(after) + reader.unread_extra
        last_id = self.sent[visible[-1] - 1].id if visible else 0
        assert get_conversation(self.users[user], self.group)["last_message_id"] == last_id

    @precondition(lambda self: self.sent)
    @rule(user=any_user, number=any_number)
    def check_readers(self, user: int, number: int) -> None:
        seq = number % len(self.sent) + 1
        message = self.sent[seq - 1]
        is_hidden = user in self.readers and seq in self.readers[user].hidden
        refusal = None
        if message.is_deleted or is_hidden:
            refusal = errors.MESSAGE_NOT_FOUND_ZH
        elif user not in self.readers:
            refusal = errors.NO_ACCESS_BAD_REQUEST
        reply = self.users[user].post("/conversations/readlist", json={"message_id": message.id})
        if succeeds(reply, refusal):
            assert [each["id"] for each in reply.json["read_users"]] == [
                self.ids[reader]
                for reader in sorted(self.readers)
                if self.readers[reader].read_position >= seq and reader != message.sender
            ]

    def teardown(self) -> None:
        for user in USERS:
            self.check_counts(user)

    def _visible_to(self, user: int) -> list[int]:
        """List the numbers of the messages that a user sees."""
        hidden = self.readers[user].hidden
        numbered = enumerate(self.sent, start=1)
        return [seq for seq, each in numbered if not each.is_deleted and seq not in hidden]

    def _fetch_page(self, user: int, page: list[int], up_to: int, **bounds: int) -> None:
        fetched = fetch_messages(self.users[user], self.group, **bounds)
        assert [each["seq"] for each in fetched["messages"]] == page
        gone = sum(each.is_deleted for each in self.sent)
        assert fetched["version"] == len(self.sent) + gone
        self._advance(user, up_to)

    def _advance(self, user: int, up_to: int) -> None:
        reader = self.readers[user]
        if up_to >= reader.unread_position:
            reader.unread_position, reader.unread_extra = up_to, 0
        reader.read_position = max(reader.read_position, up_to)


def test_counts_and_receipts_equal_a_recount(app: Flask) -> None:
    run_state_machine(lambda: Reading(app))
