"""Every endpoint that takes JSON or a query string, with a well-formed request to each."""

from typing import Any, NamedTuple


class Endpoint(NamedTuple):
    """A method of a path, and fields that it takes (those in the path left out)."""

    method: str
    path: str
    required: dict[str, Any]
    optional: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def fields(self) -> dict[str, Any]:
        """All of them."""
        return {**self.required, **self.optional}


_HERE = {"conversationId": 1}
_HERE_TOO = {"conversation_id": 1}
_SOMEBODY = {**_HERE_TOO, "user": 2}
_BOUNDS = {
    "from": "2025-03-13T14:30:00Z",
    "limit": 10,
    "before_id": 9,
    "after_id": 1,
    "after_version": 1,
    "read": "false",
}
_FILTERS = {
    "start_time": "2025-03-13T14:30:00Z",
    "end_time": "2025-03-13T14:30:00Z",
    "sender_id": 1,
    "sender_name": "Alice",
    "content": "hello",
}
_SETTINGS = {"ontop": True, "notification": False, "unreads": 3}

ENDPOINTS = (
    Endpoint("GET", "/conversations", {}, {}),
    Endpoint("POST", "/conversations", {"members": [2], "name": "Chess"}, {}),
    Endpoint("GET", "/conversations/messages", _HERE, _BOUNDS),
    Endpoint(
        "POST",
        "/conversations/messages",
        {**_HERE, "content": "hello"},
        {"reply_to": 1, "client_id": "a-1"},
    ),
    Endpoint("DELETE", "/conversations/messages", {"message_id": 1}, {}),
    Endpoint("DELETE", "/conversations/delete_messages", {"message_ids": [1]}, {}),
    Endpoint("GET", "/conversations/get_reply", {"message_id": 1}, {}),
    Endpoint("GET", "/interface", _HERE_TOO, {}),
    Endpoint("POST", "/interface", _HERE, _SETTINGS),
    Endpoint("GET", "/conversations/manage_messages", _HERE, _FILTERS),
    Endpoint("POST", "/conversations/sift", _HERE, _FILTERS),
    Endpoint(
        "GET",
        "/conversations/search",
        {"content": "hello"},
        {
            **_HERE_TOO,
            "sender_id": 1,
            "start_time": "2025-03-13T14:30:00Z",
            "end_time": "2025-03-13T14:30:00Z",
            "before_id": 9,
            "limit": 10,
        },
    ),
    Endpoint(
        "POST",
        "/conversations/sync",
        {"versions": {"1": 2}},
        {"limit": 10, "conversation_ids": [1]},
    ),
    Endpoint("POST", "/conversations/read", {**_HERE_TOO, "message_id": 1}, {}),
    Endpoint("POST", "/conversations/readlist", {"message_id": 1}, {}),
    Endpoint("GET", "/conversations/get_members", _HERE_TOO, {}),
    Endpoint("POST", "/conversations/manage/admin", _SOMEBODY, {}),
    Endpoint("DELETE", "/conversations/manage/admin", _SOMEBODY, {}),
    Endpoint("GET", "/conversations/manage/notifications", _HERE_TOO, {}),
    Endpoint("POST", "/conversations/manage/notifications", {**_HERE_TOO, "content": "hello"}, {}),
    Endpoint("DELETE", "/conversations/manage/notifications", {"notification_id": 1}, {}),
    Endpoint("POST", "/conversations/manage/ownership_transfer", _SOMEBODY, {}),
    Endpoint("POST", "/conversations/member/remove", _HERE_TOO, {}),
    Endpoint("DELETE", "/conversations/member/remove", _SOMEBODY, {}),
    Endpoint("POST", "/conversations/member/add", {**_HERE, "member_id": [2]}, {}),
    Endpoint("GET", "/conversations/1/invitation", {}, {}),
    Endpoint("GET", "/conversations/invitation", _HERE_TOO, {}),
    Endpoint("POST", "/conversations/manage/handle_invitation", {"invite_id": 1}, _HERE_TOO),
    Endpoint("DELETE", "/conversations/manage/handle_invitation", {"invite_id": 1}, _HERE_TOO),
    Endpoint(
        "POST", "/conversations/manage/info", _HERE_TOO, {"name": "Chess", "avatar": "knight"}
    ),
)
WITH_FIELDS = [endpoint for endpoint in ENDPOINTS if endpoint.fields]
IN_QUERY = ("GET", "DELETE")
# The only one that takes a form has tests of its own, and so has what needs no token.
OTHERS = {("POST", "/conversations/image"), ("GET", "/media/{name}"), ("GET", "/csrf")}
