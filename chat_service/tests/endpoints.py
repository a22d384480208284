"""All endpoints with JSON or a query string, and a valid request to each."""

from typing import Any, NamedTuple


class Endpoint(NamedTuple):
    """A method of a path, and its fields (without those in the path)."""

    method: str
    path: str
    required: dict[str, Any]
    optional: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def fields(self) -> dict[str, Any]:
        """All fields."""
        return {**self.required, **self.optional}


_CONVERSATION = {"conversationId": 1}
_CONVERSATION_ID = {"conversation_id": 1}
_USER_BODY = {**_CONVERSATION_ID, "user": 2}
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
    Endpoint("GET", "/conversations/messages", _CONVERSATION, _BOUNDS),
    Endpoint(
        "POST",
        "/conversations/messages",
        {**_CONVERSATION, "content": "hello"},
        {"reply_to": 1, "client_id": "a-1"},
    ),
    Endpoint("DELETE", "/conversations/messages", {"message_id": 1}, {}),
    Endpoint("DELETE", "/conversations/delete_messages", {"message_ids": [1]}, {}),
    Endpoint("GET", "/conversations/get_reply", {"message_id": 1}, {}),
    Endpoint("GET", "/interface", _CONVERSATION_ID, {}),
    Endpoint("POST", "/interface", _CONVERSATION, _SETTINGS),
    Endpoint("GET", "/conversations/manage_messages", _CONVERSATION, _FILTERS),
    Endpoint("POST", "/conversations/sift", _CONVERSATION, _FILTERS),
    Endpoint(
        "GET",
        "/conversations/search",
        {"content": "hello"},
        {
            **_CONVERSATION_ID,
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
    Endpoint("POST", "/conversations/read", {**_CONVERSATION_ID, "message_id": 1}, {}),
    Endpoint("POST", "/conversations/readlist", {"message_id": 1}, {}),
    Endpoint("GET", "/conversations/get_members", _CONVERSATION_ID, {}),
    Endpoint("POST", "/conversations/manage/admin", _USER_BODY, {}),
    Endpoint("DELETE", "/conversations/manage/admin", _USER_BODY, {}),
    Endpoint("GET", "/conversations/manage/notifications", _CONVERSATION_ID, {}),
    Endpoint(
        "POST", "/conversations/manage/notifications", {**_CONVERSATION_ID, "content": "hello"}, {}
    ),
    Endpoint("DELETE", "/conversations/manage/notifications", {"notification_id": 1}, {}),
    Endpoint("POST", "/conversations/manage/ownership_transfer", _USER_BODY, {}),
    Endpoint("POST", "/conversations/member/remove", _CONVERSATION_ID, {}),
    Endpoint("DELETE", "/conversations/member/remove", _USER_BODY, {}),
    Endpoint("POST", "/conversations/member/add", {**_CONVERSATION, "member_id": [2]}, {}),
    Endpoint("GET", "/conversations/1/invitation", {}, {}),
    Endpoint("GET", "/conversations/invitation", _CONVERSATION_ID, {}),
    Endpoint("POST", "/conversations/manage/handle_invitation", {"invite_id": 1}, _CONVERSATION_ID),
    Endpoint(
        "DELETE", "/conversations/manage/handle_invitation", {"invite_id": 1}, _CONVERSATION_ID
    ),
    Endpoint(
        "POST",
        "/conversations/manage/info",
        _CONVERSATION_ID,
        {"name": "Chess", "avatar": "knight"},
    ),
)
WITH_FIELDS = [endpoint for endpoint in ENDPOINTS if endpoint.fields]
IN_QUERY = ("GET", "DELETE")
# The endpoint with a form and the public endpoints have tests of their own.
OTHERS = {("POST", "/conversations/image"), ("GET", "/media/{name}"), ("GET", "/csrf")}
