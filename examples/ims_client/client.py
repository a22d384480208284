"""The HTTP API: a method for each operation."""

import uuid
from collections.abc import Collection, Mapping
from typing import IO, Any, Self

import requests

from ims_client.errors import UnreachableError
from ims_client.models import (
    Account,
    Blocked,
    Changes,
    Conversation,
    FriendRequest,
    Invitation,
    Member,
    Page,
    SearchResult,
    Sent,
    User,
)
from ims_client.transport import Reply, Transport


class Client(Transport):
    """The client of an account. It is not thread-safe; use a `copy` per thread.

    Reads and idempotent sends are retried without a response. Every method can raise
    `RefusedError` and `UnreachableError`.

    Args:
        base_url: of the gateway, e.g. ``http://127.0.0.1:8000``.
        user_id: the account.
        token: of the account.

    Attributes:
        id: the account.
    """

    def __init__(self, base_url: str, user_id: int = 0, token: str = "") -> None:
        super().__init__(base_url, token)
        self.id = user_id

    @classmethod
    def register(cls, base_url: str, email: str, password: str, name: str) -> Self:
        """Register an account. The password is sent in plaintext, so use an https URL.

        Args:
            base_url: of the gateway.
            email: an address without an account.
            password: 1 to 20 letters, digits and underscores.
            name: 1 to 20 characters.
        """
        client = cls(base_url)
        client._sign_in("/account/reg", email=email, password=password, name=name)
        return client

    @classmethod
    def log_in(cls, base_url: str, email: str, password: str) -> Self:
        """Get a new token for an account."""
        client = cls(base_url)
        client._sign_in("/account/login", email=email, password=password)
        return client

    def get_account(self) -> Account:
        """Get the profile of the account."""
        return Account.of(self._get("/account/info"))

    def search_users(self, name: str) -> list[User]:
        """List the users with exactly this name, including this account."""
        return [User.of(each) for each in self._get("/search_user", query_name=name)["results"]]

    def list_friends(self) -> list[User]:
        """List the friends."""
        return [User.of(each) for each in self._get("/friends")["friends"]]

    def send_friend_request(self, user_id: int, message: str = "") -> None:
        """Send a friend request."""
        self._post("/add_friend", target_id=user_id, message=message)

    def list_friend_requests(self) -> list[FriendRequest]:
        """List the received friend requests, newest first."""
        return [FriendRequest.of(each) for each in self._get("/friend_requests")["requests"]]

    def accept_friend_request(self, sender_id: int) -> None:
        """Accept a friend request, which opens a private conversation."""
        self._handle_friend_request("POST", sender_id)

    def reject_friend_request(self, sender_id: int) -> None:
        """Reject a friend request."""
        self._handle_friend_request("DELETE", sender_id)

    def remove_friend(self, user_id: int) -> None:
        """End a friendship, which closes the private conversation."""
        self._delete("/manage_friends", friend_id=user_id)

    def list_blocks(self) -> list[Blocked]:
        """List the blocked users, newest first."""
        return [Blocked.of(each) for each in self._get("/blocks")["blocks"]]

    def block_user(self, user_id: int) -> None:
        """Block a user, which ends a friendship. The user is not notified."""
        self._post("/blocks", user_id=user_id)

    def unblock_user(self, user_id: int) -> None:
        """Unblock a user."""
        self._delete("/blocks", user_id=user_id)

    def list_conversations(self) -> list[Conversation]:
        """List the conversations: pinned ones first, then by the newest message."""
        return [Conversation.of(each) for each in self._get("/conversations")["conversation"]]

    def get_conversation(self, conversation_id: int) -> Conversation:
        """Get a conversation of the list.

        Raises:
            KeyError: there is none.
        """
        return {each.id: each for each in self.list_conversations()}[conversation_id]

    def get_private_conversation(self, friend_id: int) -> Conversation:
        """Get the conversation with a friend.

        Raises:
            KeyError: there is none.
        """
        return {each.friend_id: each for each in self.list_conversations()}[friend_id]

    def create_group(self, name: str, friend_ids: Collection[int]) -> int:
        """Create a group of friends, and return the id of its conversation."""
        answer = self._post("/conversations", name=name, members=list(friend_ids))
        conversation_id: int = answer["conversation_id"]
        return conversation_id

    def list_members(self, conversation_id: int) -> list[Member]:
        """List the members, the owner first; of a private conversation only the friend."""
        answer = self._get("/conversations/get_members", conversation_id=conversation_id)
        return [Member.of(each) for each in answer["members"]]

    def invite_friends(self, conversation_id: int, friend_ids: Collection[int]) -> None:
        """Invite friends to a group; its owner or an admin accepts."""
        fields = {"conversationId": conversation_id, "member_id": list(friend_ids)}
        self._post("/conversations/member/add", **fields)

    def list_invitations(self, conversation_id: int) -> list[Invitation]:
        """List the invitations of a group, newest first."""
        answer = self._get(f"/conversations/{conversation_id}/invitation")
        return [Invitation.of(each) for each in answer["invitation"]]

    def accept_invitation(self, invitation_id: int) -> None:
        """Accept an invitation, as the group's owner or an admin."""
        self._post("/conversations/manage/handle_invitation", invite_id=invitation_id)

    def reject_invitation(self, invitation_id: int) -> None:
        """Reject an invitation, as the group's owner or an admin."""
        self._delete("/conversations/manage/handle_invitation", invite_id=invitation_id)

    def leave_group(self, conversation_id: int) -> None:
        """Leave a group; if its owner leaves, it is dissolved."""
        self._post("/conversations/member/remove", conversation_id=conversation_id)

    def send_text(
        self,
        conversation_id: int,
        content: str,
        reply_to_id: int | None = None,
        client_id: str | None = None,
    ) -> Sent:
        """Send a text. Retries create at most one message.

        Args:
            conversation_id: where to.
            content: 1 to 255 characters.
            reply_to_id: a message of the conversation that it answers.
            client_id: an idempotency key: a repeated send with the same one returns the first
                message. It defaults to a new one.
        """
        fields: dict[str, Any] = {"conversationId": conversation_id, "content": content}
        if reply_to_id is not None:
            fields["reply_to"] = reply_to_id
        fields["client_id"] = client_id or uuid.uuid4().hex
        return Sent.of(self._repeat("POST", "/conversations/messages", json=fields))

    def send_image(self, conversation_id: int, image: bytes, client_id: str | None = None) -> Sent:
        """Send a GIF, JPEG, PNG or WebP image. Retries create at most one message.

        Args:
            conversation_id: where to.
            image: the file.
            client_id: an idempotency key, as of `send_text`.
        """
        form = {"conversationId": conversation_id, "client_id": client_id or uuid.uuid4().hex}
        files = {"image": ("image", image)}
        return Sent.of(self._repeat("POST", "/conversations/image", data=form, files=files))

    def delete_message(self, message_id: int) -> None:
        """Delete a message for all members: an own one, or any as owner or admin of the group."""
        self._delete("/conversations/messages", message_id=message_id)

    def hide_messages(self, message_ids: Collection[int]) -> None:
        """Hide messages for this account."""
        self._delete("/conversations/delete_messages", message_ids=list(message_ids))

    def list_messages(
        self,
        conversation_id: int,
        limit: int | None = None,
        before_id: int | None = None,
        *,
        marks_read: bool = True,
    ) -> Page:
        """List messages, oldest first.

        Args:
            conversation_id: where.
            limit: only the newest so many (1 to 1000), or all.
            before_id: only those before this one.
            marks_read: whether they count as read.
        """
        return self._page(conversation_id, marks_read=marks_read, limit=limit, before_id=before_id)

    def list_changes(
        self,
        conversation_id: int,
        after_version: int,
        limit: int | None = None,
        *,
        marks_read: bool = True,
    ) -> Page:
        """List what was sent and deleted since a version.

        Args:
            conversation_id: where.
            after_version: a version that an earlier page or frame named; 0: the beginning.
            limit: only the first so many messages; ask again from the version of the page.
            marks_read: whether the messages count as read.
        """
        return self._page(
            conversation_id, marks_read=marks_read, after_version=after_version, limit=limit
        )

    def sync_conversations(self, versions: Mapping[int, int], *, others: bool = True) -> Changes:
        """Fetch what is new in many conversations at once. This marks nothing as read.

        Args:
            versions: of up to 1,000 conversations, as earlier pages, changes or frames named them.
            others: whether conversations that are not among them count as new.
        """
        fields: dict[str, Any] = {"versions": {str(id_): at for id_, at in versions.items()}}
        if not others:
            fields["conversation_ids"] = list(versions)
        return Changes.of(self._repeat("POST", "/conversations/sync", json=fields))

    def filter_messages(
        self, conversation_id: int, content: str | None = None
    ) -> list[SearchResult]:
        """List the messages with a text, or all, oldest first. This marks nothing as read."""
        path = "/conversations/manage_messages"
        answer = self._get(path, conversationId=conversation_id, content=content)
        return [SearchResult.of(each) for each in answer["messages"]]

    def mark_read(self, conversation_id: int, message_id: int | None = None) -> None:
        """Mark messages as read up to this one, or all."""
        if message_id is None:
            self._page(conversation_id, marks_read=True, limit=1)
        else:
            fields = {"conversation_id": conversation_id, "message_id": message_id}
            self._post("/conversations/read", **fields)

    def export_account(self, file: IO[bytes]) -> None:
        """Save all data of the account to a ZIP archive."""
        path = "/account/export"
        with self.fetch("GET", path, stream=True) as response:
            try:
                if response.status_code != 200:
                    Reply(response.status_code, response.json()).result()
                for block in response.iter_content(64 * 1024):
                    file.write(block)
            except (requests.RequestException, ValueError) as failure:
                raise UnreachableError(f"GET {path}") from failure

    def _sign_in(self, path: str, **fields: str) -> None:
        answer = self._post(path, **fields)
        self.id, self.token = answer["id"], answer["token"]

    def _handle_friend_request(self, method: str, sender_id: int) -> None:
        pair = {"sender_user_id": sender_id, "receiver_user_id": self.id}
        self._once(method, "/friend_request_handle", json=pair)

    def _page(self, conversation_id: int, *, marks_read: bool, **bounds: int | None) -> Page:
        fields: dict[str, Any] = {"conversationId": conversation_id, **bounds}
        if not marks_read:
            fields["read"] = "false"
        return Page.of(self._get("/conversations/messages", **fields))
