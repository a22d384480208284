"""Requests of the tests."""

from typing import Any

from flask import Flask
from urllib3 import encode_multipart_formdata

from chat_service.tests.factories import befriend
from chat_service.tests.images import make_image
from shared.testing.client import ApiClient, Reply

MESSAGES = "/conversations/messages"


def send_text(caller: ApiClient, conversation: int, content: str = "hello", **more: Any) -> int:
    """Send a text.

    Returns:
        the message's id.
    """
    reply = try_send_text(caller, conversation, content, **more)
    assert reply.status_code == 200, reply.json
    message_id: int = reply.json["message_id"]
    return message_id


def try_send_text(caller: ApiClient, conversation: int, content: str, **more: Any) -> Reply:
    """Send a text that may be refused."""
    body = {"conversationId": conversation, "content": content, **more}
    return caller.post(MESSAGES, json=body)


def send_image(caller: ApiClient, conversation: int) -> int:
    """Send an image.

    Returns:
        the message's id.
    """
    reply = upload_image(caller, conversation, make_image())
    assert reply.status_code == 200, reply.json
    message_id: int = reply.json["message_id"]
    return message_id


def upload_image(
    caller: ApiClient, conversation: int, data: bytes, name: str = "cat.png", **form: str
) -> Reply:
    """Send a file that may be refused."""
    fields = {"conversationId": str(conversation), **form}.items()
    body, content_type = encode_multipart_formdata([*fields, ("image", (name, data))])
    return caller.post("/conversations/image", data=body, content_type=content_type)


def fetch_messages(caller: ApiClient, conversation: int, **bounds: Any) -> Any:
    """List messages, and return the whole response."""
    return caller.get(MESSAGES, query_string={"conversationId": conversation, **bounds}).json


def list_messages(caller: ApiClient, conversation: int, **bounds: Any) -> list[dict[str, Any]]:
    """List messages."""
    rows: list[dict[str, Any]] = fetch_messages(caller, conversation, **bounds)["messages"]
    return rows


def list_contents(caller: ApiClient, conversation: int, **bounds: Any) -> list[str]:
    """List the contents of messages."""
    return [message["content"] for message in list_messages(caller, conversation, **bounds)]


def get_unread_count(caller: ApiClient, conversation: int) -> int:
    """Get the unread count of the list, which must equal that of /interface."""
    settings = caller.get("/interface", json={"conversation_id": conversation}).json
    count: int = get_conversation(caller, conversation)["unread_count"]
    assert settings["unreads"] == count
    return count


def get_conversation(caller: ApiClient, conversation: int) -> dict[str, Any]:
    """Get a conversation of the list."""
    [row] = [row for row in list_conversations(caller) if row["id"] == conversation]
    return row


def list_conversations(caller: ApiClient) -> list[dict[str, Any]]:
    """List the conversations."""
    rows: list[dict[str, Any]] = caller.get("/conversations").json["conversation"]
    return rows


def make_private(app: Flask, one: ApiClient, other: ApiClient) -> int:
    """Create a friendship.

    Returns:
        the id of the private conversation.
    """
    befriend(app, one.id, other.id)
    [row] = [row for row in list_conversations(one) if row.get("friend_id") == other.id]
    conversation: int = row["id"]
    return conversation


def delete_message(caller: ApiClient, message_id: int) -> Reply:
    """Delete a message for all members."""
    return caller.delete(MESSAGES, json={"message_id": message_id})


def hide_messages(caller: ApiClient, *message_ids: int) -> Reply:
    """Hide messages for the caller."""
    return caller.delete("/conversations/delete_messages", json={"message_ids": message_ids})


def sync_conversations(caller: ApiClient, versions: dict[int, int], **more: Any) -> Any:
    """Get the changes of all conversations, and return the whole response."""
    body = {"versions": {str(id_): version for id_, version in versions.items()}, **more}
    reply = caller.post("/conversations/sync", json=body)
    assert reply.status_code == 200, reply.json
    return reply.json


def mark_read(caller: ApiClient, conversation: int, message_id: int) -> Reply:
    """Mark a conversation as read up to a message."""
    body = {"conversation_id": conversation, "message_id": message_id}
    return caller.post("/conversations/read", json=body)


def invite(caller: ApiClient, group: int, receivers: Any) -> Reply:
    """Invite one or several users to a group, which may be refused."""
    body = {"conversationId": group, "member_id": receivers}
    return caller.post("/conversations/member/add", json=body)


def create_invitation(caller: ApiClient, group: int, receiver: int) -> int:
    """Invite a user to a group.

    Returns:
        the invitation's id.
    """
    [invitation] = invite(caller, group, receiver).json["invite_ids"]
    return int(invitation)


def list_invitations(caller: ApiClient, group: int) -> list[dict[str, Any]]:
    """List the invitations to a group."""
    rows: list[dict[str, Any]] = caller.get(f"/conversations/{group}/invitation").json["invitation"]
    return rows


def get_invitation_statuses(caller: ApiClient, group: int) -> dict[int, int]:
    """Get the statuses of the invitations to a group, by id."""
    return {row["invite_id"]: row["status"] for row in list_invitations(caller, group)}
