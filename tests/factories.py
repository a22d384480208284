"""What tests need at their beginning: accounts, friendships, groups and what is in them."""

import uuid

from tests.client import ApiClient


def make_user(base_url: str, name: str = "User") -> ApiClient:
    """Register an account."""
    return ApiClient(base_url, name, unused_email(name)).sign_up()


def unused_email(name: str = "user") -> str:
    """An address without an account."""
    return f"{name.lower().replace(' ', '-')}-{uuid.uuid4().hex[:12]}@example.com"


def befriend(user: ApiClient, *others: ApiClient) -> None:
    """Make each of the others a friend of the user, who accepts their requests."""
    for other in others:
        other.send_friend_request(user.id)
        user.accept_friend_request(other.id)


def make_private(user: ApiClient, other: ApiClient) -> int:
    """Make two users friends; the id of their private conversation."""
    befriend(user, other)
    return user.get_private_conversation(other.id).id


def make_group(owner: ApiClient, *members: ApiClient, name: str = "Group") -> int:
    """Create a group of the owner's friends; the id of its conversation."""
    return owner.create_group(name, [each.id for each in members])


def make_invitation(inviter: ApiClient, conversation_id: int, *invited: ApiClient) -> int:
    """Invite friends to a group; the id of the newest invitation."""
    inviter.invite_friends(conversation_id, [each.id for each in invited])
    return inviter.list_invitations(conversation_id)[0].id


def make_announcement(user: ApiClient, conversation_id: int, content: str = "At ten") -> int:
    """Post an announcement in a group; its id."""
    path = "/conversations/manage/notifications"
    user.post(path, conversation_id=conversation_id, content=content).result()
    listed = user.get(path, conversation_id=conversation_id).result()["notifications"]
    notification_id: int = listed[0]["notification_id"]
    return notification_id


def make_friend_group(owner: ApiClient, name: str, *friends: ApiClient) -> int:
    """Create a friend group with friends in it; its id."""
    owner.post("/groups", name=name).result()
    groups = owner.get("/groups").result()["groups"]
    [group_id] = [each["id"] for each in groups if each["name"] == name]
    for friend in friends:
        owner.post("/groups/members", group_id=group_id, member_id=friend.id).result()
    return int(group_id)


def list_contents(user: ApiClient, conversation_id: int) -> list[str]:
    """The texts in a conversation, which are read then."""
    return [each.content for each in user.list_messages(conversation_id).messages]


def roles_in(user: ApiClient, conversation_id: int) -> dict[int, int | None]:
    """The role (1 owner, 2 admin, 3 member) of each member of a group, by id."""
    return {each.id: each.role for each in user.list_members(conversation_id)}
