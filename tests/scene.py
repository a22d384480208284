"""A few users with common data, for requests that change nothing."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.client import ApiClient
from tests.factories import (
    befriend,
    make_announcement,
    make_friend_group,
    make_group,
    make_invitation,
    make_user,
)


@dataclass(frozen=True)
class Scene:
    """The users, described from Alice's point of view.

    Attributes:
        alice: owns the group.
        bob: a friend, an admin of the group, in the friend group "Family".
        carol: a friend, a member.
        dave: a friend, not in the group.
        erin: a stranger, whose friend request to Alice is pending.
        frank: a friend of Carol, who has invited him; Alice's friend request to him is pending.
        gone: a friend and a member, whose account is deleted.
        ivan: a former friend and a former member.
        family: a friend group of Alice.
        group: a group conversation.
        private: the private conversation of Alice and Bob, with a message.
        message: of Alice, in the group.
        announcement: in the group.
        invitation: of Frank, by Carol.
    """

    alice: ApiClient
    bob: ApiClient
    carol: ApiClient
    dave: ApiClient
    erin: ApiClient
    frank: ApiClient
    gone: ApiClient
    ivan: ApiClient
    family: int
    group: int
    private: int
    message: int
    announcement: int
    invitation: int

    def examples(self) -> dict[str, Any]:
        """A well-formed value of each required field, by its name in the document."""
        return {
            "email": self.alice.email,
            "password": self.alice.password,
            "origin_password": "Not_hers_9",
            "user_info": "About me",
            "avatar": "",
            "name": "Name",
            "new_name": "New name",
            "query_name": self.ivan.name,  # No test gives another user this name.
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
            "invite_id": self.invitation,
        }

    def picture(self) -> list[Any]:
        """Everything that Alice and Erin can list, without marking messages as read."""
        lists = ("/account/info", "/friends", "/groups", "/conversations")
        return [[user.get(path) for path in lists] for user in (self.alice, self.erin)] + [
            self._pending_requests(),
            self.alice.get("/groups/manage_groups", group_id=self.family),
            self.alice.get("/conversations/get_members", conversation_id=self.group),
            self.alice.get("/conversations/manage_messages", conversationId=self.group),
            self.alice.get("/conversations/manage/notifications", conversation_id=self.group),
            self.alice.get(f"/conversations/{self.group}/invitation"),
        ]

    def _pending_requests(self) -> list[dict[str, Any]]:
        """Those of the scene: generated requests of other tests can add more."""
        listed = self.alice.get("/friend_requests").result()["requests"]
        return [each for each in listed if each["sender_user_id"] == self.erin.id]


def make_scene(base_url: str) -> Scene:
    """Register the users, and create what they have in common."""
    names = ("Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Gone", f"Ivan-{uuid4().hex[:8]}")
    alice, bob, carol, dave, erin, frank, gone, ivan = (make_user(base_url, each) for each in names)
    befriend(alice, bob, carol, dave, gone, ivan)
    befriend(carol, frank)
    erin.send_friend_request(alice.id, "Please")
    alice.send_friend_request(frank.id)

    group = make_group(alice, bob, carol, gone, ivan)
    alice.post("/conversations/manage/admin", conversation_id=group, user=bob.id).result()
    message = alice.send_text(group, "Welcome").message_id
    alice.delete("/conversations/member/remove", conversation_id=group, user=ivan.id).result()
    alice.remove_friend(ivan.id)
    gone.delete("/account/delete").result()
    private = alice.get_private_conversation(bob.id).id
    alice.send_text(private, "Private")
    return Scene(
        alice,
        bob,
        carol,
        dave,
        erin,
        frank,
        gone,
        ivan,
        family=make_friend_group(alice, "Family", bob),
        group=group,
        private=private,
        message=message,
        announcement=make_announcement(alice, group),
        invitation=make_invitation(carol, group, frank),
    )
