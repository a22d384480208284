"""The API over HTTP: a method for each thing that one can do."""

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
    """Somebody with an account. Not to be used by two threads at once: each takes a `copy`.

    What only reads, and what is sent with a name of its own, is tried again when no answer
    comes. Every method may raise `RefusedError` and `UnreachableError`.

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
        """Make an account; the password travels as it is, so let the URL begin with https.

        Args:
            base_url: of the gateway.
            email: nobody else's.
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
        """One's own account."""
        return Account.of(self._get("/account/info"))

    def people(self, name: str) -> list[Person]:
        """Everybody of exactly this name, oneself included."""
        return [Person.of(each) for each in self._get("/search_user", query_name=name)["results"]]

    def friends(self) -> list[Person]:
        """One's friends."""
        return [Person.of(each) for each in self._get("/friends")["friends"]]

    def ask_to_be_friends(self, user_id: int, message: str = "") -> None:
        """Ask somebody, who then accepts or refuses."""
        self._post("/add_friend", target_id=user_id, message=message)

    def friend_requests(self) -> list[FriendRequest]:
        """Who asked oneself, newest first."""
        return [FriendRequest.of(each) for each in self._get("/friend_requests")["requests"]]

    def accept_friend(self, sender_id: int) -> None:
        """Become friends with somebody who asked; a private conversation opens."""
        self._post("/friend_request_handle", **self._request_of(sender_id))

    def refuse_friend(self, sender_id: int) -> None:
        """Do not become friends with somebody who asked."""
        self._delete("/friend_request_handle", **self._request_of(sender_id))

    def end_friendship(self, user_id: int) -> None:
        """Be friends no longer; the private conversation closes."""
        self._delete("/manage_friends", friend_id=user_id)

    def blocks(self) -> list[Blocked]:
        """Whom one has blocked, newest first."""
        return [Blocked.of(each) for each in self._get("/blocks")["blocks"]]

    def block(self, user_id: int) -> None:
        """End a friendship, and get no more requests from somebody, who is not told of it."""
        self._post("/blocks", user_id=user_id)

    def unblock(self, user_id: int) -> None:
        """Let somebody ask again."""
        self._delete("/blocks", user_id=user_id)

    def conversations(self) -> list[Conversation]:
        """One's conversations: pinned ones first, then by the newest message."""
        return [Conversation.of(each) for each in self._get("/conversations")["conversation"]]

    def private_conversation(self, friend_id: int) -> Conversation:
        """The conversation with a friend.

        Raises:
            KeyError: there is none.
        """
        for conversation in self.conversations():
            if conversation.friend_id == friend_id:
                return conversation
        raise KeyError(friend_id)

    def create_group(self, name: str, friend_ids: Collection[int]) -> int:
        """Found a group of friends; the id of its conversation."""
        answer = self._post("/conversations", name=name, members=list(friend_ids))
        conversation_id: int = answer["conversation_id"]
        return conversation_id

    def members(self, conversation_id: int) -> list[Member]:
        """Who is in a group, the owner first; of a private conversation the other one alone."""
        answer = self._get("/conversations/get_members", conversation_id=conversation_id)
        return [Member.of(each) for each in answer["members"]]

    def invite(self, conversation_id: int, friend_ids: Collection[int]) -> None:
        """Wish that friends join a group; its owner or an admin decides."""
        self._post(
            "/conversations/member/add",
            conversationId=conversation_id,
            member_id=list(friend_ids),
        )

    def invitations(self, conversation_id: int) -> list[Invitation]:
        """The invitations into a group, newest first."""
        answer = self._get(f"/conversations/{conversation_id}/invitation")
        return [Invitation.of(each) for each in answer["invitation"]]

    def accept_invitation(self, invitation_id: int) -> None:
        """Let somebody invited in, as the group's owner or an admin."""
        self._post("/conversations/manage/handle_invitation", invite_id=invitation_id)

    def reject_invitation(self, invitation_id: int) -> None:
        """Do not let somebody invited in, as the group's owner or an admin."""
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
        """Send a text. However often this is tried, the message is there once at most.

        Args:
            conversation_id: where to.
            content: 1 to 255 characters.
            reply_to_id: a message of the conversation that it answers.
            client_id: one's own name for this message; repeating a send with the same one
                answers the first message. Unless given, a new one is made.
        """
        fields: dict[str, Any] = {"conversationId": conversation_id, "content": content}
        if reply_to_id is not None:
            fields["reply_to"] = reply_to_id
        fields["client_id"] = client_id or uuid.uuid4().hex
        return Sent.of(self._repeatedly("POST", "/conversations/messages", json=fields))

    def delete(self, message_id: int) -> None:
        """Delete a message for everybody: one's own, or any in a group that one administers."""
        self._delete("/conversations/messages", message_id=message_id)

    def hide(self, message_ids: Collection[int]) -> None:
        """Delete messages from one's own view alone."""
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
        """The messages that contain a text, or all, oldest first. This reads nothing."""
        path = "/conversations/manage_messages"
        answer = self._get(path, conversationId=conversation_id, content=content)
        return [Found.of(each) for each in answer["messages"]]

    def read(self, conversation_id: int) -> None:
        """Have read everything up to the newest message."""
        self._page(conversation_id, marks_read=True, limit=1)

    def read_up_to(self, conversation_id: int, message_id: int) -> None:
        """Have read everything up to a message."""
        self._post("/conversations/read", conversation_id=conversation_id, message_id=message_id)

    def export(self, file: IO[bytes]) -> None:
        """Write everything that the server keeps of one into a file, as a ZIP archive."""
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
