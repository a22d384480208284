"""The HTTP API: a method for each operation."""

import time
import uuid
from collections.abc import Collection, Mapping
from typing import IO, Any

import requests

from ims_client.errors import RefusedError, TokenRefusedError, UnreachableError
from ims_client.models import (
    Account,
    Blocked,
    Changes,
    Conversation,
    Found,
    FriendRequest,
    Invitation,
    Member,
    Page,
    Person,
    Sent,
)

_TIMEOUT = (5, 15)
_PAUSES = (0.2, 0.5, 1.0, 2.0)  # Seconds between the attempts of what may be repeated.
_LATER = 429


class Client:
    """The client of an account. It is not thread-safe; use a `copy` per thread.

    Reads and idempotent sends are retried without a response. Every method can raise
    `RefusedError` and `UnreachableError`.

    Args:
        base_url: of the gateway, e.g. ``http://127.0.0.1:8000``.
        user_id: the account.
        token: of the account.
    """

    def __init__(self, base_url: str, user_id: int, token: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.user_id = user_id
        self.token = token
        self._session = requests.Session()

    @classmethod
    def register(cls, base_url: str, email: str, password: str, name: str) -> "Client":
        """Register an account. The password is sent in plaintext, so use an https URL.

        Args:
            base_url: of the gateway.
            email: an address without an account.
            password: 1 to 20 letters, digits and underscores.
            name: 1 to 20 characters.
        """
        return cls._enter(base_url, "/account/reg", email=email, password=password, name=name)

    @classmethod
    def log_in(cls, base_url: str, email: str, password: str) -> "Client":
        """Get a new token for an account."""
        return cls._enter(base_url, "/account/login", email=email, password=password)

    @classmethod
    def _enter(cls, base_url: str, path: str, **fields: str) -> "Client":
        client = cls(base_url, 0, "")
        answer = client._post(path, **fields)
        client.user_id, client.token = answer["id"], answer["token"]
        return client

    def copy(self) -> "Client":
        """The same account, with a connection of its own."""
        return Client(self.base_url, self.user_id, self.token)

    def account(self) -> Account:
        """Get the profile of the account."""
        return Account.of(self._get("/account/info"))

    def people(self, name: str) -> list[Person]:
        """List the users with exactly this name, including this account."""
        return [Person.of(each) for each in self._get("/search_user", query_name=name)["results"]]

    def friends(self) -> list[Person]:
        """List the friends."""
        return [Person.of(each) for each in self._get("/friends")["friends"]]

    def ask_to_be_friends(self, user_id: int, message: str = "") -> None:
        """Send a friend request."""
        self._post("/add_friend", target_id=user_id, message=message)

    def friend_requests(self) -> list[FriendRequest]:
        """List the received friend requests, newest first."""
        return [FriendRequest.of(each) for each in self._get("/friend_requests")["requests"]]

    def accept_friend(self, sender_id: int) -> None:
        """Accept a friend request, which opens a private conversation."""
        self._post("/friend_request_handle", **self._request_of(sender_id))

    def refuse_friend(self, sender_id: int) -> None:
        """Reject a friend request."""
        self._delete("/friend_request_handle", **self._request_of(sender_id))

    def end_friendship(self, user_id: int) -> None:
        """End a friendship, which closes the private conversation."""
        self._delete("/manage_friends", friend_id=user_id)

    def blocks(self) -> list[Blocked]:
        """List the blocked users, newest first."""
        return [Blocked.of(each) for each in self._get("/blocks")["blocks"]]

    def block(self, user_id: int) -> None:
        """Block a user, which ends a friendship. The user is not notified."""
        self._post("/blocks", user_id=user_id)

    def unblock(self, user_id: int) -> None:
        """Unblock a user."""
        self._delete("/blocks", user_id=user_id)

    def conversations(self) -> list[Conversation]:
        """List the conversations: pinned ones first, then by the newest message."""
        return [Conversation.of(each) for each in self._get("/conversations")["conversation"]]

    def private_conversation(self, friend_id: int) -> Conversation:
        """Get the conversation with a friend.

        Raises:
            KeyError: there is none.
        """
        for conversation in self.conversations():
            if conversation.friend_id == friend_id:
                return conversation
        raise KeyError(friend_id)

    def create_group(self, name: str, friend_ids: Collection[int]) -> int:
        """Create a group of friends, and return the id of its conversation."""
        answer = self._post("/conversations", name=name, members=list(friend_ids))
        conversation_id: int = answer["conversation_id"]
        return conversation_id

    def members(self, conversation_id: int) -> list[Member]:
        """List the members, the owner first; of a private conversation only the friend."""
        answer = self._get("/conversations/get_members", conversation_id=conversation_id)
        return [Member.of(each) for each in answer["members"]]

    def invite(self, conversation_id: int, friend_ids: Collection[int]) -> None:
        """Invite friends to a group; its owner or an admin accepts."""
        self._post(
            "/conversations/member/add",
            conversationId=conversation_id,
            member_id=list(friend_ids),
        )

    def invitations(self, conversation_id: int) -> list[Invitation]:
        """List the invitations of a group, newest first."""
        answer = self._get(f"/conversations/{conversation_id}/invitation")
        return [Invitation.of(each) for each in answer["invitation"]]

    def accept_invitation(self, invitation_id: int) -> None:
        """Accept an invitation, as the group's owner or an admin."""
        self._post("/conversations/manage/handle_invitation", invite_id=invitation_id)

    def reject_invitation(self, invitation_id: int) -> None:
        """Reject an invitation, as the group's owner or an admin."""
        self._delete("/conversations/manage/handle_invitation", invite_id=invitation_id)

    def leave(self, conversation_id: int) -> None:
        """Leave a group; if its owner leaves, it is dissolved."""
        self._post("/conversations/member/remove", conversation_id=conversation_id)

    def send(
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
        return Sent.of(self._repeatedly("POST", "/conversations/messages", json=fields))

    def delete(self, message_id: int) -> None:
        """Delete a message for all members: an own one, or any as owner or admin of the group."""
        self._delete("/conversations/messages", message_id=message_id)

    def hide(self, message_ids: Collection[int]) -> None:
        """Hide messages for this account."""
        self._delete("/conversations/delete_messages", message_ids=list(message_ids))

    def history(
        self,
        conversation_id: int,
        limit: int | None = None,
        before_id: int | None = None,
        *,
        marks_read: bool = True,
    ) -> Page:
        """Fetch messages.

        Args:
            conversation_id: where.
            limit: only the newest so many (1 to 1000), or all.
            before_id: only those before this one.
            marks_read: whether they count as read.
        """
        return self._page(conversation_id, marks_read=marks_read, limit=limit, before_id=before_id)

    def changes(
        self,
        conversation_id: int,
        after_version: int,
        limit: int | None = None,
        *,
        marks_read: bool = True,
    ) -> Page:
        """Fetch what was sent and deleted since a version.

        Args:
            conversation_id: where.
            after_version: a version that an earlier page or frame named; 0: the beginning.
            limit: only the first so many messages; ask again from the version of the page.
            marks_read: whether the messages count as read.
        """
        return self._page(
            conversation_id, marks_read=marks_read, after_version=after_version, limit=limit
        )

    def sync(self, versions: Mapping[int, int], *, others: bool = True) -> Changes:
        """Fetch what is new in many conversations at once. This reads nothing.

        Args:
            versions: of up to 1,000 conversations, as earlier pages, changes or frames named them.
            others: whether conversations that are not among them count as new.
        """
        fields: dict[str, Any] = {"versions": {str(id_): at for id_, at in versions.items()}}
        if not others:
            fields["conversation_ids"] = list(versions)
        return Changes.of(self._repeatedly("POST", "/conversations/sync", json=fields))

    def find(self, conversation_id: int, content: str | None = None) -> list[Found]:
        """List the messages with a text, or all, oldest first. This marks nothing as read."""
        path = "/conversations/manage_messages"
        answer = self._get(path, conversationId=conversation_id, content=content)
        return [Found.of(each) for each in answer["messages"]]

    def read(self, conversation_id: int) -> None:
        """Mark all messages as read."""
        self._page(conversation_id, marks_read=True, limit=1)

    def read_up_to(self, conversation_id: int, message_id: int) -> None:
        """Mark messages as read up to this one."""
        self._post("/conversations/read", conversation_id=conversation_id, message_id=message_id)

    def export(self, file: IO[bytes]) -> None:
        """Save all data of the account to a ZIP archive."""
        headers = {"Authorization": self.token}
        url = f"{self.base_url}/account/export"
        try:
            with self._session.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as response:
                if response.status_code != 200:
                    body = response.json()
                    raise RefusedError(response.status_code, body["code"], body["info"])
                for block in response.iter_content(64 * 1024):
                    file.write(block)
        except (requests.RequestException, ValueError) as failure:
            raise UnreachableError("GET /account/export") from failure

    def _request_of(self, sender_id: int) -> dict[str, int]:
        return {"sender_user_id": sender_id, "receiver_user_id": self.user_id}

    def _page(self, conversation_id: int, *, marks_read: bool, **bounds: int | None) -> Page:
        fields: dict[str, Any] = {"conversationId": conversation_id, **bounds}
        if not marks_read:
            fields["read"] = "false"
        return Page.of(self._get("/conversations/messages", **fields))

    def _get(self, path: str, **fields: Any) -> dict[str, Any]:
        return self._repeatedly("GET", path, params=fields)

    def _post(self, path: str, **fields: Any) -> dict[str, Any]:
        return self._once("POST", path, json=fields)

    def _delete(self, path: str, **fields: Any) -> dict[str, Any]:
        return self._once("DELETE", path, json=fields)

    def _repeatedly(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        for pause in _PAUSES:
            try:
                return self._once(method, path, **request)
            except UnreachableError:
                time.sleep(pause)
        return self._once(method, path, **request)

    def _once(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        headers = {"Authorization": self.token} if self.token else {}
        try:
            response = self._session.request(
                method, self.base_url + path, headers=headers, timeout=_TIMEOUT, **request
            )
            body: dict[str, Any] = response.json()
        except (requests.RequestException, ValueError) as failure:
            raise UnreachableError(f"{method} {path}") from failure
        if response.status_code >= 500 or response.status_code == _LATER:
            raise UnreachableError(f"{method} {path}: {body['info']}")
        if response.status_code != 200:
            refusal = TokenRefusedError if body["code"] == -2 else RefusedError
            raise refusal(response.status_code, body["code"], body["info"])
        return body
