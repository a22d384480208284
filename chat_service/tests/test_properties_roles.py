"""Who is what in a group, and who comes in and goes, in whatever order things happen."""

from dataclasses import dataclass

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chat_service import errors
from chat_service.models import ACCEPTED, ADMIN, MEMBER, OWNER, PENDING, REJECTED, SUPERSEDED
from chat_service.tests.calls import list_conversations
from chat_service.tests.factories import befriend, make_account
from shared.testing.cast import signed_in
from shared.testing.client import Reply, assert_error
from shared.testing.properties import extended_timeout, new_user_ids, run_state_machine, succeeds
from shared.web.errors import ErrorSpec

pytestmark = [pytest.mark.database, extended_timeout]

EVERYBODY = range(5)
somebody = st.sampled_from(EVERYBODY)
any_number = st.integers(0, 1000)


@dataclass
class Invitation:
    """What the model knows of an invitation."""

    id: int
    sender: int
    receiver: int
    status: int


class Roles(RuleBasedStateMachine):
    """Five people who know each other, and a group that the first one founds."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.ids = new_user_ids(len(EVERYBODY))
        self.people = [signed_in(app, id_) for id_ in self.ids]
        for id_ in self.ids:
            make_account(app, id_, f"Somebody {id_}")
        self.strangers = {frozenset((1, 4)), frozenset((2, 3))}
        for one in EVERYBODY:
            for other in range(one):
                if frozenset((one, other)) not in self.strangers:
                    befriend(app, self.ids[one], self.ids[other])
        self.roles: dict[int, int] = {}
        self.founds(0)

    @precondition(lambda self: not self.roles)
    @rule(owner=somebody)
    def founds(self, owner: int) -> None:
        friends = [one for one in EVERYBODY if self._know_each_other(owner, one)][:2]
        members = [self.ids[friend] for friend in friends]
        founded = self.people[owner].post("/conversations", json={"members": members, "name": "G"})
        self.group: int = founded.json["conversation_id"]
        self.roles = dict.fromkeys(friends, MEMBER) | {owner: OWNER}
        self.invitations: list[Invitation] = []

    @rule(actor=somebody, member=somebody)
    def makes_an_admin(self, actor: int, member: int) -> None:
        refusal = self._only_for_the_owner(actor, member, errors.ONLY_OWNER_SETS_ADMINS)
        if refusal is None and self.roles[member] != MEMBER:
            refusal = errors.ALREADY_ADMIN
        if succeeds(self._call("POST", "admin", actor, member), refusal):
            self.roles[member] = ADMIN

    @rule(actor=somebody, member=somebody)
    def dismisses_an_admin(self, actor: int, member: int) -> None:
        refusal = self._only_for_the_owner(actor, member, errors.ONLY_OWNER_SETS_ADMINS)
        if refusal is None and self.roles[member] != ADMIN:
            refusal = errors.NOT_AN_ADMIN
        if succeeds(self._call("DELETE", "admin", actor, member), refusal):
            self.roles[member] = MEMBER

    @rule(actor=somebody, heir=somebody)
    def hands_over(self, actor: int, heir: int) -> None:
        refusal = self._only_for_the_owner(actor, heir, errors.ONLY_OWNER_TRANSFERS)
        if self.roles.get(actor) == OWNER and heir == actor:
            refusal = errors.CANNOT_TRANSFER_TO_SELF
        if succeeds(self._call("POST", "ownership_transfer", actor, heir), refusal):
            self.roles |= {actor: MEMBER, heir: OWNER}

    @rule(actor=somebody)
    def leaves(self, actor: int) -> None:
        refusal = None
        if not self.roles:
            refusal = errors.CONVERSATION_NOT_FOUND
        elif actor not in self.roles:
            refusal = errors.NOT_IN_GROUP_TO_LEAVE
        body = {"conversation_id": self.group}
        reply = self.people[actor].post("/conversations/member/remove", json=body)
        if succeeds(reply, refusal) and self.roles.pop(actor) == OWNER:
            self.roles.clear()

    @rule(actor=somebody, member=somebody)
    def removes(self, actor: int, member: int) -> None:
        refusal = None
        if not self.roles:
            refusal = errors.CONVERSATION_NOT_FOUND
        elif not self._is_admin(actor):
            refusal = errors.MAY_NOT_REMOVE
        elif member not in self.roles:
            refusal = errors.USER_NOT_IN_CONVERSATION
        elif self.roles[actor] == ADMIN and self._is_admin(member):
            refusal = errors.ONLY_OWNER_REMOVES_ADMINS
        elif member == actor:
            refusal = errors.OWNER_CANNOT_REMOVE_SELF
        body = {"conversation_id": self.group, "user": self.ids[member]}
        if succeeds(self.people[actor].delete("/conversations/member/remove", json=body), refusal):
            del self.roles[member]

    @rule(sender=somebody, receiver=somebody)
    def invites(self, sender: int, receiver: int) -> None:
        refusal = None
        if sender not in self.roles:
            refusal = errors.CONVERSATION_NOT_FOUND
        elif receiver in self.roles:
            refusal = errors.ALREADY_MEMBER
        elif not self._know_each_other(sender, receiver):
            refusal = errors.NOT_YOUR_FRIEND
        elif any(
            (each.sender, each.receiver, each.status) == (sender, receiver, PENDING)
            for each in self.invitations
        ):
            refusal = errors.INVITATION_WAITING
        body = {"conversationId": self.group, "member_id": self.ids[receiver]}
        reply = self.people[sender].post("/conversations/member/add", json=body)
        if succeeds(reply, refusal):
            [invitation_id] = reply.json["invite_ids"]
            self.invitations.append(Invitation(invitation_id, sender, receiver, PENDING))

    @precondition(lambda self: 1 < len(self.roles) < len(EVERYBODY))
    @rule(which=any_number)
    def two_members_invite_the_same_one(self, which: int) -> None:
        outside = [person for person in EVERYBODY if person not in self.roles]
        receiver = outside[which % len(outside)]
        for sender in sorted(self.roles)[:2]:
            self.invites(sender, receiver)

    @precondition(lambda self: self._waiting())
    @rule(which=any_number)
    def the_owner_lets_one_in(self, which: int) -> None:
        waiting = self._waiting()
        [owner] = (person for person, role in self.roles.items() if role == OWNER)
        self.decides(owner, waiting[which % len(waiting)], lets_in=True)

    def _waiting(self) -> list[int]:
        """Which invitations can be accepted."""
        return [
            number
            for number, each in enumerate(self.invitations)
            if self.roles and each.status == PENDING and each.receiver not in self.roles
        ]

    @precondition(lambda self: self.invitations)
    @rule(actor=somebody, which=any_number, lets_in=st.booleans())
    def decides(self, actor: int, which: int, lets_in: bool) -> None:
        invitation = self.invitations[which % len(self.invitations)]
        refusal = None
        if not self.roles:
            refusal = errors.INVITATION_NOT_FOUND
        elif not self._is_admin(actor):
            refusal = errors.MAY_NOT_HANDLE
        elif invitation.status != PENDING:
            refusal = errors.INVITATION_HANDLED
        elif invitation.receiver in self.roles:
            refusal = errors.INVITED_ALREADY_MEMBER
        path = "/conversations/manage/handle_invitation"
        call = self.people[actor].post if lets_in else self.people[actor].delete
        if not succeeds(call(path, json={"invite_id": invitation.id}), refusal):
            return
        if not lets_in:
            invitation.status = REJECTED
            return
        for each in self.invitations:
            if (each.receiver, each.status) == (invitation.receiver, PENDING):
                each.status = SUPERSEDED
        invitation.status = ACCEPTED
        self.roles[invitation.receiver] = MEMBER

    @rule(person=somebody)
    def looks(self, person: int) -> None:
        caller, query = self.people[person], {"conversation_id": self.group}
        members = caller.get("/conversations/get_members", query_string=query)
        invitations = caller.get(f"/conversations/{self.group}/invitation")
        is_listed = self.group in [each["id"] for each in list_conversations(caller)]
        assert is_listed == (person in self.roles)
        if person not in self.roles:
            assert_error(members, errors.CONVERSATION_NOT_FOUND)
            assert_error(invitations, errors.CONVERSATION_NOT_FOUND)
            return
        assert members.json["identity"] == self.roles[person]
        assert {each["id"]: each["identity"] for each in members.json["members"]} == {
            self.ids[member]: role for member, role in self.roles.items()
        }
        assert [(each["invite_id"], each["status"]) for each in invitations.json["invitation"]] == [
            (each.id, each.status) for each in reversed(self.invitations)
        ]

    def teardown(self) -> None:
        for person in EVERYBODY:
            self.looks(person)

    def _know_each_other(self, one: int, other: int) -> bool:
        return one != other and frozenset((one, other)) not in self.strangers

    def _is_admin(self, person: int) -> bool:
        return self.roles.get(person) in (OWNER, ADMIN)

    def _only_for_the_owner(
        self, actor: int, member: int, otherwise: ErrorSpec
    ) -> ErrorSpec | None:
        if not self.roles:
            return errors.CONVERSATION_NOT_FOUND
        if self.roles.get(actor) != OWNER:
            return otherwise
        return None if member in self.roles else errors.USER_NOT_IN_CONVERSATION

    def _call(self, method: str, deed: str, actor: int, member: int) -> Reply:
        body = {"conversation_id": self.group, "user": self.ids[member]}
        return self.people[actor].call(method, f"/conversations/manage/{deed}", json=body)


def test_roles_and_memberships_follow_the_rules(app: Flask) -> None:
    run_state_machine(lambda: Roles(app))
