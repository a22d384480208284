"""Live delivery at ``/ws/``, with the token in the URL or as a subprotocol."""

import json
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websocket import WebSocket, WebSocketBadStatusException, create_connection
from websocket._abnf import ABNF

from tests.client import ApiClient
from tests.factories import befriend, make_announcement, make_group, make_invitation, make_private

SECONDS = 15

Listen = Callable[[ApiClient], "Socket"]


class Socket:
    """An open websocket of a user."""

    def __init__(self, person: ApiClient) -> None:
        url = person.base_url.replace("http", "ws", 1)
        self.connection: WebSocket = create_connection(
            f"{url}/ws/?token={person.token}", timeout=SECONDS, origin="https://client.example"
        )

    def receives(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind."""
        while True:
            frame: dict[str, Any] = json.loads(self.connection.recv())
            if frame["type"] == kind:
                return frame


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Open websockets, and close them after the test."""
    with ExitStack() as opened:

        def open_one(person: ApiClient) -> Socket:
            socket = Socket(person)
            opened.callback(socket.connection.close)
            return socket

        yield open_one


@pytest.fixture
def group(alice: ApiClient, bob: ApiClient) -> int:
    """A group of Alice and Bob."""
    befriend(alice, bob)
    return make_group(alice, bob)


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c"])
def test_a_socket_requires_a_token(base_url: str, token: str) -> None:
    url = base_url.replace("http", "ws", 1)

    with pytest.raises(WebSocketBadStatusException) as refusal:
        create_connection(f"{url}/ws/?token={token}", timeout=SECONDS)

    assert refusal.value.status_code == 401


def test_the_token_can_be_a_subprotocol(alice: ApiClient, bob: ApiClient, base_url: str) -> None:
    url = base_url.replace("http", "ws", 1)
    offered = ["ims", alice.token]
    connection = create_connection(f"{url}/ws/", timeout=SECONDS, subprotocols=offered)

    bob.send_friend_request(alice.id)

    assert connection.getsubprotocol() == "ims"
    assert json.loads(connection.recv())["type"] == "request_message"
    connection.close()


def test_a_message_reaches_every_member(
    alice: ApiClient, bob: ApiClient, group: int, listen: Listen
) -> None:
    hers, his = listen(alice), listen(bob)

    message_id = bob.send_text(group, "hello").message_id

    to_her, to_him = hers.receives("notify"), his.receives("notify")
    assert (to_her["scroll"], to_him["scroll"]) == ("false", "true")
    assert to_her["conversationId"] == to_him["conversationId"] == str(group)
    assert to_her["message"].items() >= {"id": message_id, "content": "hello", "seq": 1}.items()


def test_the_deletion_of_a_message_reaches_every_member(
    alice: ApiClient, bob: ApiClient, group: int, listen: Listen
) -> None:
    message_id = alice.send_text(group, "hello").message_id
    his = listen(bob)

    alice.delete_message(message_id)

    assert his.receives("notify")["deleted_message_id"] == message_id


def test_reading_reaches_the_other_user(alice: ApiClient, bob: ApiClient, listen: Listen) -> None:
    private = make_private(alice, bob)
    alice.send_text(private, "hello")
    hers = listen(alice)

    bob.list_messages(private)

    frame = hers.receives("already_read")
    assert (frame["conversationId"], frame["user_id"], frame["read_seq"]) == (
        str(private),
        bob.id,
        1,
    )


def test_a_friend_request_reaches_both_users(
    alice: ApiClient, bob: ApiClient, listen: Listen
) -> None:
    hers, his = listen(alice), listen(bob)

    alice.send_friend_request(bob.id)

    assert [each.receives("request_message")["type"] for each in (hers, his)] == [
        "request_message"
    ] * 2


def test_the_end_of_a_friendship_reaches_both_users(
    alice: ApiClient, bob: ApiClient, listen: Listen
) -> None:
    befriend(alice, bob)
    hers, his = listen(alice), listen(bob)

    alice.remove_friend(bob.id)

    assert [each.receives("delete_friend")["type"] for each in (hers, his)] == ["delete_friend"] * 2


def test_a_new_group_reaches_its_members(alice: ApiClient, bob: ApiClient, listen: Listen) -> None:
    befriend(alice, bob)
    his = listen(bob)

    make_group(alice, bob)

    assert his.receives("conv_setting")["type"] == "conv_setting"


def test_a_new_role_reaches_the_members(
    alice: ApiClient, bob: ApiClient, group: int, listen: Listen
) -> None:
    his = listen(bob)

    alice.post("/conversations/manage/admin", conversation_id=group, user=bob.id).result()

    assert his.receives("modify_members")["conversationId"] == str(group)


def test_removed_users_and_users_who_left_receive_a_frame(
    alice: ApiClient, bob: ApiClient, carol: ApiClient, listen: Listen
) -> None:
    befriend(alice, bob, carol)
    group = make_group(alice, bob, carol)
    his, carols = listen(bob), listen(carol)

    alice.delete("/conversations/member/remove", conversation_id=group, user=bob.id).result()
    carol.leave_group(group)

    assert his.receives("remove_members")["self"] == "false"
    assert carols.receives("remove_members")["self"] == "true"


def test_an_announcement_and_an_invitation_reach_the_members(
    alice: ApiClient, bob: ApiClient, carol: ApiClient, group: int, listen: Listen
) -> None:
    befriend(alice, carol)
    his = listen(bob)

    make_announcement(alice, group)
    make_invitation(alice, group, carol)

    assert his.receives("notification_message")["conversationId"] == str(group)
    assert his.receives("invitation_message")["conversationId"] == str(group)


def test_connecting_and_reading_lists_send_no_frame(
    alice: ApiClient, bob: ApiClient, group: int, listen: Listen
) -> None:
    his = listen(bob)

    listen(alice)
    alice.get("/conversations")
    alice.list_messages(group)
    alice.send_text(group, "first")

    first = json.loads(his.connection.recv())
    assert (first["type"], first["message"]["content"]) == ("notify", "first")


@pytest.mark.parametrize("ended", ["from another session", "by signing out", "with the account"])
def test_the_socket_of_an_ended_session_closes_with_4401(
    alice: ApiClient, listen: Listen, ended: str
) -> None:
    socket = listen(alice)
    if ended == "from another session":
        alice.sign_in().delete("/account/sessions", others=True).result()
    elif ended == "by signing out":
        alice.post("/account/logout").result()
    else:
        alice.delete("/account/delete").result()

    opcode, payload = socket.connection.recv_data(control_frame=True)
    socket.connection.shutdown()
    assert (opcode, payload) == (ABNF.OPCODE_CLOSE, struct.pack("!H", 4401))
