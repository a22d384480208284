"""Requests that many tests send."""

from shared.testing.client import ApiClient, Reply

UNKNOWN_USER = 2**62


def send_friend_request(sender: ApiClient, receiver: ApiClient, message: str = "") -> Reply:
    """Send a friend request."""
    return sender.post("/add_friend", json={"target_id": receiver.id, "message": message})


def accept_friend_request(receiver: ApiClient, sender: ApiClient) -> Reply:
    """Accept a friend request."""
    return receiver.post("/friend_request_handle", json=_request(sender, receiver))


def reject_friend_request(receiver: ApiClient, sender: ApiClient) -> Reply:
    """Reject a friend request."""
    return receiver.delete("/friend_request_handle", json=_request(sender, receiver))


def remove_friend(user: ApiClient, friend: ApiClient) -> Reply:
    """End a friendship."""
    return user.delete("/manage_friends", json={"friend_id": friend.id})


def befriend(one: ApiClient, other: ApiClient) -> None:
    """Create a friendship through the API."""
    assert send_friend_request(one, other).status_code == 200
    assert accept_friend_request(other, one).status_code == 200


def block_user(user: ApiClient, other: ApiClient) -> Reply:
    """Block a user."""
    return user.post("/blocks", json={"user_id": other.id})


def unblock_user(user: ApiClient, other: ApiClient) -> Reply:
    """Remove a block."""
    return user.delete("/blocks", json={"user_id": other.id})


def list_blocked_ids(user: ApiClient) -> list[int]:
    """List the blocked users, newest first."""
    return [each["id"] for each in user.get("/blocks").json["blocks"]]


def list_friend_ids(user: ApiClient) -> list[int]:
    """List the friends of a user."""
    return [friend["id"] for friend in user.get("/friends").json["friends"]]


def list_request_statuses(receiver: ApiClient) -> list[int]:
    """List the statuses of received requests, newest first."""
    return [request["status"] for request in receiver.get("/friend_requests").json["requests"]]


def _request(sender: ApiClient, receiver: ApiClient) -> dict[str, int]:
    return {"sender_user_id": sender.id, "receiver_user_id": receiver.id}
