"""A small world for all requests that change nothing: refusals, bad input, strangers."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.people import (
    UNKNOWN,
    Person,
    announce,
    befriend,
    done,
    invitations,
    invite,
    make_friend_group,
    make_group,
    newcomer,
    private_chat,
    send,
)


@dataclass(frozen=True)
class Scene:
    """Who is there, seen from Alice.

    Attributes:
        alice: owns the group, and knows most of them.
        bob: her friend, an admin of the group, in her friend group "Family".
        carol: her friend, a plain member.
        dave: her friend, not in the group.
        erin: a stranger to all, whose friend request to Alice is waiting.
        frank: Carol's friend, invited by her and waiting; asked by Alice, who waits, too.
        gone: her friend and a member, whose account is deleted.
        heidi: Carol's friend, who came in by Carol's invitation.
        ivan: her former friend and a former member.
        family: a friend group of Alice's; ``work`` is another.
        erins_group: a friend group of Erin's.
        group: the group conversation; ``other_group`` is another of Alice's, with Dave.
        private: Alice's and Bob's private conversation.
        closed: that of Alice and Ivan, closed with their friendship.
        message: Alice's in the group; ``elsewhere`` is hers in the private conversation.
        announcement: in the group.
        waiting: Carol's invitation of Frank; ``handled`` is that of Heidi.
    """

    alice: Person
    bob: Person
    carol: Person
    dave: Person
    erin: Person
    frank: Person
    gone: Person
    heidi: Person
    ivan: Person
    family: int
    work: int
    erins_group: int
    group: int
    other_group: int
    private: int
    closed: int
    message: int
    elsewhere: int
    announcement: int
    waiting: int
    handled: int
    unknown: int = UNKNOWN

    def example(self, field: str) -> Any:
        """A value of the right shape for a required field, by its name in the document."""
        return self.examples()[field]

    def examples(self) -> dict[str, Any]:
        """A value for each field that is required somewhere."""
        return {
            "email": self.alice.email,
            "password": self.alice.password,
            "origin_password": "Not_hers_9",
            "user_info": "About me",
            "avatar": "",
            "name": "Name",
            "new_name": "New name",
            "query_name": self.ivan.name,  # Nobody else has it, and nobody is given it.
            "content": "content",
            "target_id": self.alice.id,
            "sender_user_id": self.erin.id,
            "receiver_user_id": self.alice.id,
            "group_id": self.family,
            "member_id": self.dave.id,
            "friend_id": self.bob.id,
            "userId": self.bob.id,
            "members": [self.bob.id],
            "conversationId": self.group,
            "conversation_id": self.group,
            "message_id": self.message,
            "message_ids": [self.message],
            "user": self.carol.id,
            "notification_id": self.announcement,
            "invite_id": self.waiting,
        }

    def picture(self) -> list[Any]:
        """What Alice and Erin can see, but for what others ask of them, without reading."""
        lists = ("/account/info", "/friends", "/groups", "/conversations")
        return [[person.get(path) for path in lists] for person in (self.alice, self.erin)] + [
            self._waiting_requests(),
            self.alice.get("/groups/manage_groups", group_id=self.family),
            self.alice.get("/conversations/get_members", conversation_id=self.group),
            self.alice.get("/conversations/manage_messages", conversationId=self.group),
            self.alice.get("/conversations/manage/notifications", conversation_id=self.group),
            self.alice.get(f"/conversations/{self.group}/invitation"),
        ]

    def _waiting_requests(self) -> list[dict[str, Any]]:
        """Those of the scene: a generated request of another test may ask anybody."""
        listed = done(self.alice.get("/friend_requests"))["requests"]
        return [each for each in listed if each["sender_user_id"] == self.erin.id]


def set_the_scene(base_url: str) -> Scene:
    """Make the people, let them meet, and let some of them go again."""
    names = ("Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Gone", "Heidi")
    people = [newcomer(base_url, name) for name in (*names, f"Ivan-{uuid4().hex[:8]}")]
    alice, bob, carol, dave, erin, frank, gone, heidi, ivan = people
    befriend(alice, bob, carol, dave, gone, ivan)
    befriend(carol, frank, heidi)
    done(erin.post("/add_friend", target_id=alice.id, message="Please"))
    done(alice.post("/add_friend", target_id=frank.id))

    group = make_group(alice, bob, carol, gone, ivan)
    done(alice.post("/conversations/manage/admin", conversation_id=group, user=bob.id))
    message = send(alice, group, "Welcome")
    handled = invite(carol, group, heidi)
    done(alice.post("/conversations/manage/handle_invitation", invite_id=handled))
    closed = private_chat(alice, ivan)
    done(alice.delete("/conversations/member/remove", conversation_id=group, user=ivan.id))
    done(alice.delete("/manage_friends", friend_id=ivan.id))
    done(gone.delete("/account/delete"))
    invite(carol, group, frank)
    [waiting] = [each["invite_id"] for each in invitations(alice, group) if each["status"] == 0]
    private = private_chat(alice, bob)
    return Scene(
        alice=alice,
        bob=bob,
        carol=carol,
        dave=dave,
        erin=erin,
        frank=frank,
        gone=gone,
        heidi=heidi,
        ivan=ivan,
        family=make_friend_group(alice, "Family", bob),
        work=make_friend_group(alice, "Work"),
        erins_group=make_friend_group(erin, "Mine"),
        group=group,
        other_group=make_group(alice, dave, name="Other"),
        private=private,
        closed=closed,
        message=message,
        elsewhere=send(alice, private, "Psst"),
        announcement=announce(alice, group),
        waiting=waiting,
        handled=handled,
    )
