"""Every endpoint of the service, with a valid request to each."""

from typing import Any, NamedTuple


class Endpoint(NamedTuple):
    """A method of a path, and valid fields."""

    method: str
    path: str
    fields: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ENDPOINTS = (
    Endpoint("GET", "/search_user", {"query_name": "Bob"}),
    Endpoint("GET", "/search_user_detail", {"userId": 2}),
    Endpoint("POST", "/add_friend", {"target_id": 2, "message": "Hello"}),
    Endpoint("GET", "/friend_requests", {}),
    Endpoint("POST", "/friend_request_handle", {"sender_user_id": 2, "receiver_user_id": 1}),
    Endpoint("DELETE", "/friend_request_handle", {"sender_user_id": 2, "receiver_user_id": 1}),
    Endpoint("GET", "/friends", {}),
    Endpoint("GET", "/manage_friends", {"friend_id": 2}),
    Endpoint("DELETE", "/manage_friends", {"friend_id": 2}),
    Endpoint("GET", "/groups", {}),
    Endpoint("POST", "/groups", {"name": "Classmates"}),
    Endpoint("GET", "/groups/manage_groups", {"group_id": 1}),
    Endpoint("PUT", "/groups/manage_groups", {"group_id": 1, "new_name": "Colleagues"}),
    Endpoint("DELETE", "/groups/manage_groups", {"group_id": 1}),
    Endpoint("GET", "/groups/members", {"group_id": 1}),
    Endpoint("POST", "/groups/members", {"group_id": 1, "member_id": 2}),
    Endpoint("DELETE", "/groups/members", {"group_id": 1, "member_id": 2}),
    Endpoint("GET", "/blocks", {}),
    Endpoint("POST", "/blocks", {"user_id": 2}),
    Endpoint("DELETE", "/blocks", {"user_id": 2}),
)
OPTIONAL = {"message"}
OPEN_TO_DELETED = {"/add_friend", "/friend_request_handle"}
WITH_FIELDS = [endpoint for endpoint in ENDPOINTS if endpoint.fields]
