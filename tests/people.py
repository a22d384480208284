"""People with accounts, who talk to the product over HTTP, and what they often do."""

import base64
import uuid
from typing import Any, NamedTuple

import requests
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from shared.testing.secret_leaks import register_secrets
from tests.product import PASSWORD_TRANSPORT_KEY

PASSWORD = "Secret_1"
UNKNOWN = 2**62  # A well-formed id that exists nowhere.

_SECONDS = 30


class Reply(NamedTuple):
    """What came back: equal to a pair of a status and a body."""

    status: int
    body: Any


def refused(status: int, code: int, info: str) -> Reply:
    """The answer that refuses: exactly ``code`` and ``info``."""
    return Reply(status, {"code": code, "info": info})


def bad(field: str) -> Reply:
    """The answer to a missing or ill-typed field."""
    return refused(400, -7, f"Missing or error type of [{field}]")


INVALID_JWT = refused(401, -2, "Invalid or expired JWT")


class Visitor:
    """Somebody who talks to the product, with a token or without."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self.base_url = base_url
        self.token = token
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str, **fields: Any) -> Reply:
        """GET with ``fields`` as the query string."""
        return self.call("GET", path, params=fields)

    def post(self, path: str, **fields: Any) -> Reply:
        """POST ``fields`` as JSON."""
        return self.call("POST", path, json=fields)

    def put(self, path: str, **fields: Any) -> Reply:
        """PUT ``fields`` as JSON."""
        return self.call("PUT", path, json=fields)

    def delete(self, path: str, **fields: Any) -> Reply:
        """DELETE with ``fields`` as JSON, as the document shows it."""
        return self.call("DELETE", path, json=fields)

    def call(self, method: str, path: str, **request: Any) -> Reply:
        """Send any request; the answer is JSON, and if it refuses, holds nothing but why."""
        response = self.fetch(method, path, **request)
        assert response.headers["Content-Type"] == "application/json", response.text
        body = response.json()
        assert isinstance(body["code"], int)
        assert isinstance(body["info"], str)
        assert (body["code"] == 0) == (response.status_code == 200), body
        assert response.status_code == 200 or body.keys() == {"code", "info"}
        return Reply(response.status_code, body)

    def fetch(self, method: str, path: str, **request: Any) -> requests.Response:
        """Send any request; the answer may be anything but a failure of the server."""
        headers = dict(request.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", self.token)
        register_secrets(request.get("json"))
        url = path if path.startswith("http") else self.base_url + path
        response = self._session.request(
            method, url, headers=headers, timeout=_SECONDS, allow_redirects=False, **request
        )
        assert response.status_code < 500, (method, path, response.status_code, response.text)
        return response


class Person(Visitor):
    """Somebody with an account."""

    def __init__(self, base_url: str, name: str, email: str, password: str = PASSWORD) -> None:
        super().__init__(base_url)
        self.name = name
        self.email = email
        self.password = password
        self.id = 0

    def register(self) -> "Person":
        """Make (or restore) the account, and go on with the token that comes with it."""
        return self._take(
            self.post("/account/reg", email=self.email, password=self.password, name=self.name)
        )

    def log_in(self) -> "Person":
        """Go on with a new token."""
        return self._take(self.post("/account/login", email=self.email, password=self.password))

    def _take(self, reply: Reply) -> "Person":
        assert reply.status == 200, reply
        self.token, self.id = reply.body["token"], reply.body["id"]
        return self


def newcomer(base_url: str, name: str = "Somebody") -> Person:
    """A person whom nobody knows yet, with an account."""
    return Person(base_url, name, unused_email(name)).register()


def unused_email(name: str = "somebody") -> str:
    """An address that no account has."""
    return f"{name.lower()}-{uuid.uuid4().hex[:12]}@example.com"


def done(reply: Reply) -> dict[str, Any]:
    """The body of an answer that must be a success."""
    assert reply.status == 200, reply
    body: dict[str, Any] = reply.body
    return body


def befriend(one: Person, *others: Person) -> None:
    """Let each of the others ask ``one``, who accepts."""
    for other in others:
        done(other.post("/add_friend", target_id=one.id))
        accept(one, other)


def accept(receiver: Person, sender: Person) -> None:
    """Accept the friend request of ``sender``."""
    done(
        receiver.post(
            "/friend_request_handle", sender_user_id=sender.id, receiver_user_id=receiver.id
        )
    )


def make_group(owner: Person, *members: Person, name: str = "Group") -> int:
    """A group chat of the owner's friends; its id."""
    made = done(owner.post("/conversations", members=[each.id for each in members], name=name))
    conversation_id: int = made["conversation_id"]
    return conversation_id


def private_chat(one: Person, friend: Person) -> int:
    """The id of the private conversation of two friends."""
    [found] = [each for each in conversations(one) if each.get("friend_id") == friend.id]
    conversation_id: int = found["id"]
    return conversation_id


def conversations(person: Person) -> list[dict[str, Any]]:
    """The conversations of a person, in the order of their list."""
    found: list[dict[str, Any]] = done(person.get("/conversations"))["conversation"]
    return found


def conversation(person: Person, conversation_id: int) -> dict[str, Any]:
    """One conversation as it stands in a person's list."""
    [found] = [each for each in conversations(person) if each["id"] == conversation_id]
    return found


def send(sender: Person, conversation_id: int, content: str = "hello", **more: Any) -> int:
    """Send a text; the id of the message."""
    sent = done(
        sender.post(
            "/conversations/messages", conversationId=conversation_id, content=content, **more
        )
    )
    message_id: int = sent["message_id"]
    return message_id


def messages(person: Person, conversation_id: int, **more: Any) -> list[dict[str, Any]]:
    """The messages of a conversation; fetching them reads them."""
    fetched = done(person.get("/conversations/messages", conversationId=conversation_id, **more))
    found: list[dict[str, Any]] = fetched["messages"]
    return found


def contents(person: Person, conversation_id: int, **more: Any) -> list[str]:
    """The texts of a conversation."""
    return [each["content"] for each in messages(person, conversation_id, **more)]


def members(person: Person, conversation_id: int) -> dict[int, int]:
    """The identity (1 owner, 2 admin, 3 member) of each member of a group, by id."""
    found = done(person.get("/conversations/get_members", conversation_id=conversation_id))
    return {each["id"]: each["identity"] for each in found["members"]}


def invitations(person: Person, conversation_id: int) -> list[dict[str, Any]]:
    """The invitations of a group, newest first."""
    found = done(person.get(f"/conversations/{conversation_id}/invitation"))
    listed: list[dict[str, Any]] = found["invitation"]
    return listed


def invite(inviter: Person, conversation_id: int, *invited: Person) -> int:
    """Invite friends into a group; the id of the newest invitation."""
    ids = [each.id for each in invited]
    done(inviter.post("/conversations/member/add", conversationId=conversation_id, member_id=ids))
    invite_id: int = invitations(inviter, conversation_id)[0]["invite_id"]
    return invite_id


def announce(person: Person, conversation_id: int, content: str = "Tomorrow at ten") -> int:
    """Post an announcement; its id."""
    path = "/conversations/manage/notifications"
    done(person.post(path, conversation_id=conversation_id, content=content))
    listed = done(person.get(path, conversation_id=conversation_id))["notifications"]
    notification_id: int = listed[0]["notification_id"]
    return notification_id


def make_friend_group(owner: Person, name: str, *friends: Person) -> int:
    """A friend group with friends in it; its id."""
    done(owner.post("/groups", name=name))
    [group_id] = [
        each["id"] for each in done(owner.get("/groups"))["groups"] if each["name"] == name
    ]
    for friend in friends:
        done(owner.post("/groups/members", group_id=group_id, member_id=friend.id))
    return int(group_id)


def encrypted(password: str) -> str:
    """A password as clients send it."""
    padder = PKCS7(128).padder()
    padded = padder.update(password.encode()) + padder.finalize()
    encryptor = _transport_cipher().encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypted(value: str) -> str:
    """What clients read in an encrypted value."""
    decryptor = _transport_cipher().decryptor()
    padded = decryptor.update(base64.b64decode(value)) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def _transport_cipher() -> Cipher[CBC]:
    return Cipher(AES(PASSWORD_TRANSPORT_KEY.encode()), CBC(bytes(16)))
