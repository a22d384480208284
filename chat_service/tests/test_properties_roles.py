"""Roles and memberships of a group equal a model after any sequence of requests."""

from dataclasses import dataclass

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

pytestmark = extended_timeout

USERS = range(5)
any_user = st.sampled_from(USERS)
any_number = st.integers(0, 1000)


@dataclass
class Invitation:
    """The model of an invitation."""

    id: int
    sender: int
    receiver: int
    status: int


class Roles(RuleBasedStateMachine):
    """Five users, most of them friends, and a group that the first one creates."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.ids = new_user_ids(len(USERS))
        self.users = [signed_in(app, id_) for id_ in self.ids]
        for id_ in self.ids:
            make_account(app, id_, f"User {id_}")
        self.strangers = {frozenset((1, 4)), frozenset((2, 3))}
        for one in USERS:
            for other in range(one):
                if frozenset((one, other)) not in self.strangers:
                    befriend(app, self.ids[one], self.ids[other])
        self.roles: dict[int, int] = {}
        self.create_group(0)

    @precondition(lambda self: not self.roles)
    @rule(owner=any_user)
    def create_group(self, owner: int) -> None:
        friends = [one for one in USERS if self._are_friends(owner, one)][:2]
        members = [self.ids[friend] for friend in friends]
        created = self.users[owner].post("/conversations", json={"members": members, "name": "G"})
        self.group: int = created.json["conversation_id"]
        self.roles = dict.fromkeys(friends, MEMBER) | {owner: OWNER}
        self.invitations: list[Invitation] = []

    @rule(actor=any_user, member=any_user)
    def grant_admin(self, actor: int, member: int) -> None:
        refusal = self._get_owner_refusal(actor, member, errors.ONLY_OWNER_SETS_ADMINS)
        if refusal is None and self.roles[member] != MEMBER:
            refusal = errors.ALREADY_ADMIN
        if succeeds(self._call("POST", "admin", actor, member), refusal):
            self.roles[member] = ADMIN

    @rule(actor=any_user, member=any_user)
    def revoke_admin(self, actor: int, member: int) -> None:
        refusal = self._get_owner_refusal(actor, member, errors.ONLY_OWNER_SETS_ADMINS)
        if refusal is None and self.roles[member] != ADMIN:
            refusal = errors.NOT_AN_ADMIN
        if succeeds(self._call("DELETE", "admin", actor, member), refusal):
            self.roles[member] = MEMBER

    @rule(actor=any_user, successor=any_user)
    def transfer_ownership(self, actor: int, successor: int) -> None:
        refusal = self._get_owner_refusal(actor, successor, errors.ONLY_OWNER_TRANSFERS)
        if self.roles.get(actor) == OWNER and successor == actor:
            refusal = errors.CANNOT_TRANSFER_TO_SELF
        if succeeds(self._call("POST", "ownership_transfer", actor, successor), refusal):
            self.roles |= {actor: MEMBER, successor: OWNER}

    @rule(actor=any_user)
    def leave(self, actor: int) -> None:
        refusal = None
        if not self.roles:
            refusal = errors.CONVERSATION_NOT_FOUND
        elif actor not in self.roles:
            refusal = errors.NOT_IN_GROUP_TO_LEAVE
        body = {"conversation_id": self.group}
        reply = self.users[actor].post("/conversations/member/remove", json=body)
        if succeeds(reply, refusal) and self.roles.pop(actor) == OWNER:
            self.roles.clear()

    @rule(actor=any_user, member=any_user)
    def remove(self, actor: int, member: int) -> None:
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
        if succeeds(self.users[actor].delete("/conversations/member/remove", json=body), refusal):
            del self.roles[member]

    @rule(sender=any_user, receiver=any_user)
    def invite(self, sender: int, receiver: int) -> None:
        refusal = None
        if sender not in self.roles:
            refusal = errors.CONVERSATION_NOT_FOUND
        elif receiver in self.roles:
            refusal = errors.ALREADY_MEMBER
        elif not self._are_friends(sender, receiver):
            refusal = errors.NOT_YOUR_FRIEND
        elif any(
            (each.sender, each.receiver, each.status) == (sender, receiver, PENDING)
            for each in self.invitations
        ):
            refusal = errors.INVITATION_WAITING
        body = {"conversationId": self.group, "member_id": self.ids[receiver]}
        reply = self.users[sender].post("/conversations/member/add", json=body)
        if succeeds(reply, refusal):
            [invitation_id] = reply.json["invite_ids"]
            self.invitations.append(Invitation(invitation_id, sender, receiver, PENDING))

    @precondition(lambda self: 1 < len(self.roles) < len(USERS))
    @rule(number=any_number)
    def invite_same_user_twice(self, number: int) -> None:
        outside = [user for user in USERS if user not in self.roles]
        receiver = outside[number % len(outside)]
        for sender in sorted(self.roles)[:2]:
            self.invite(sender, receiver)

    @precondition(lambda self: self._list_pending())
    @rule(number=any_number)
    def accept_as_owner(self, number: int) -> None:
        pending = self._list_pending()
        [owner] = (user for user, role in self.roles.items() if role == OWNER)
        self.decide(owner, pending[number % len(pending)], accepts=True)

    def _list_pending(self) -> list[int]:
        """List the invitations that can be accepted."""
        return [
            number
            for number, each in enumerate(self.invitations)
            if self.roles and each.status == PENDING and each.receiver not in self.roles
        ]

    @precondition(lambda self: self.invitations)
    @rule(actor=any_user, number=any_number, accepts=st.booleans())
    def decide(self, actor: int, number: int, accepts: bool) -> None:
        invitation = self.invitations[number % len(self.invitations)]
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
        call = self.users[actor].post if accepts else self.users[actor].delete
        if not succeeds(call(path, json={"invite_id": invitation.id}), refusal):
            return
        if not accepts:
            invitation.status = REJECTED
            return
        for each in self.invitations:
            if (each.receiver, each.status) == (invitation.receiver, PENDING):
                each.status = SUPERSEDED
        invitation.status = ACCEPTED
        self.roles[invitation.receiver] = MEMBER

    @rule(user=any_user)
    def check_views(self, user: int) -> None:
        caller, query = self.users[user], {"conversation_id": self.group}
        members = caller.get("/conversations/get_members", query_string=query)
        invitations = caller.get(f"/conversations/{self.group}/invitation")
        is_listed = self.group in [each["id"] for each in list_conversations(caller)]
        assert is_listed == (user in self.roles)
        if user not in self.roles:
            assert_error(members, errors.CONVERSATION_NOT_FOUND)
            assert_error(invitations, errors.CONVERSATION_NOT_FOUND)
            return
        assert members.json["identity"] == self.roles[user]
        assert {each["id"]: each["identity"] for each in members.json["members"]} == {
            self.ids[member]: role for member, role in self.roles.items()
        }
        assert [(each["invite_id"], each["status"]) for each in invitations.json["invitation"]] == [
            (each.id, each.status) for each in reversed(self.invitations)
        ]

    def teardown(self) -> None:
        for user in USERS:
            self.check_views(user)

    def _are_friends(self, one: int, other: int) -> bool:
        return one != other and frozenset((one, other)) not in self.strangers

    def _is_admin(self, user: int) -> bool:
        return self.roles.get(user) in (OWNER, ADMIN)

    def _get_owner_refusal(self, actor: int, member: int, refusal: ErrorSpec) -> ErrorSpec | None:
        if not self.roles:
            return errors.CONVERSATION_NOT_FOUND
        if self.roles.get(actor) != OWNER:
            return refusal
        return None if member in self.roles else errors.USER_NOT_IN_CONVERSATION

    def _call(self, method: str, setting: str, actor: int, member: int) -> Reply:
        body = {"conversation_id": self.group, "user": self.ids[member]}
        return self.users[actor].call(method, f"/conversations/manage/{setting}", json=body)


def test_roles_and_memberships_follow_the_rules(app: Flask) -> None:
    run_state_machine(lambda: Roles(app))
