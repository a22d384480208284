"""Live sockets: replay of missed frames after a short absence, and acknowledgements."""

import socket
import time
from collections.abc import Iterator

import gevent
import pytest
from flask import Flask
from websocket import WebSocketTimeoutException
from websocket._abnf import ABNF

from chat_service.live.frames import START, LiveEvent, Mark
from chat_service.live.hub import Hub
from chat_service.live.sockets import WebSocketConnection
from chat_service.live.subscriber import SocketLimits, Subscriber
from chat_service.schemas.live import frame_out
from chat_service.tests.calls import list_messages, send_text
from chat_service.tests.factories import make_account, make_group
from chat_service.tests.live_server import (
    LiveSocket,
    Server,
    ServerClient,
    wait_for_delivery,
)
from shared.testing.cast import ALICE, BOB, CAROL


@pytest.fixture
def alice(server: Server) -> ServerClient:
    return ServerClient(server, ALICE)


@pytest.fixture
def bob(server: Server) -> ServerClient:
    return ServerClient(server, BOB)


@pytest.fixture
def group(app: Flask) -> int:
    return make_group(app, ALICE, BOB)


def test_frames_missed_during_a_short_absence_are_replayed_once_and_in_order(
    server: Server, group: int, alice: ServerClient, bob: ServerClient
) -> None:
    with bob.open_socket() as bobs:
        send_text(alice, group, "heard")
        assert bobs.receive_types() == ["notify"]
        bobs.acknowledge()
    send_text(alice, group, "one")
    bob.post("/interface", json={"conversationId": group, "ontop": True})
    send_text(alice, group, "two")

    with bobs.reconnect() as again:
        received = [frame.get("message", {}).get("content") for frame in again.receive_frames()]
        again.acknowledge()
    with bobs.reconnect() as once_more:
        nothing = once_more.receive_frames()

    assert received == ["one", None, "two"]
    assert nothing == []


def test_after_a_long_absence_the_newest_hundred_frames_are_replayed(
    server: Server, group: int, bob: ServerClient
) -> None:
    with bob.open_socket() as bobs:
        bobs.acknowledge()
    server.send_event("friend_request_changed", {"sender_id": BOB, "receiver_id": 9_999}, times=150)
    server.send_event("friendship_ended", {"low_id": BOB, "high_id": 9_999})
    wait_for_delivery(server)

    with bobs.reconnect() as again:
        received = [again.receive_frame()["type"] for _ in range(100)]
        assert received == ["request_message"] * 99 + ["delete_friend"]
        assert again.receive_frames() == []


def test_frames_acknowledged_by_another_socket_of_the_session_are_not_replayed(
    server: Server, group: int, alice: ServerClient, bob: ServerClient
) -> None:
    with bob.open_socket() as staying:
        with staying.reconnect():
            pass
        send_text(alice, group, "hello")
        assert staying.receive_types() == ["notify"]
        staying.acknowledge()

        with staying.reconnect() as again:
            assert again.receive_frames() == []


def test_unacknowledged_frames_are_replayed_while_the_old_socket_is_open(
    server: Server, group: int, alice: ServerClient, bob: ServerClient
) -> None:
    with bob.open_socket() as silent:
        silent.acknowledge()
        send_text(alice, group, "one")
        send_text(alice, group, "two")
        wait_for_delivery(server)  # Both have been written to the socket, which is not read.

        with silent.reconnect() as again:
            received = [again.receive_frame()["message"]["content"] for _ in range(2)]
            again.acknowledge()
        with silent.reconnect() as once_more:
            assert once_more.receive_frames() == []
        assert received == ["one", "two"]


def test_frames_are_followed_by_at_most_one_ping_per_second(server: Server) -> None:
    with LiveSocket(server, CAROL) as carol:
        began = time.monotonic()
        server.send_event("friend_request_changed", {"sender_id": CAROL, "receiver_id": 9_999}, 200)
        server.send_event("friendship_ended", {"low_id": CAROL, "high_id": 9_999})
        kinds = []
        while b"delete_friend" not in (frame := carol.wire.recv_data(control_frame=True))[1]:
            kinds.append(frame[0])
        carol.acknowledge()

        assert kinds.count(ABNF.OPCODE_TEXT) == 200
        assert 1 <= kinds.count(ABNF.OPCODE_PING) <= 1 + time.monotonic() - began


def test_a_client_that_has_acknowledged_everything_gets_no_more_pings(server: Server) -> None:
    with LiveSocket(server, CAROL) as carol:
        server.send_event("friendship_ended", {"low_id": CAROL, "high_id": 9_999})
        carol.acknowledge()

        carol.wire.settimeout(2.5)  # Longer than the interval of pings after frames.
        with pytest.raises(WebSocketTimeoutException):
            carol.wire.recv_data(control_frame=True)


def test_a_new_session_gets_no_earlier_frames(
    app: Flask, server: Server, alice: ServerClient
) -> None:
    newcomer = 77
    make_account(app, newcomer, "Newcomer")
    group = make_group(app, ALICE, newcomer)
    send_text(alice, group, "before")
    wait_for_delivery(server)

    with LiveSocket(server, newcomer) as listening:
        assert listening.receive_frames() == []


def test_a_member_removed_while_offline_gets_the_removal_and_no_frames_of_the_group(
    server: Server, group: int, alice: ServerClient, bob: ServerClient
) -> None:
    with bob.open_socket() as bobs:
        bobs.acknowledge()
    send_text(alice, group, "with bob")
    alice.delete("/conversations/member/remove", json={"conversation_id": group, "user": BOB})
    send_text(alice, group, "without bob")

    with bobs.reconnect() as again:
        assert again.receive_frames() == [{"type": "remove_members", "self": "false"}]


def test_missed_read_positions_of_a_group_are_replayed_once(
    app: Flask, server: Server, alice: ServerClient, bob: ServerClient
) -> None:
    group = make_group(app, ALICE, BOB, CAROL)
    carol = ServerClient(server, CAROL)
    with alice.open_socket() as alices:
        alices.acknowledge()
    for text in ("one", "two"):
        send_text(alice, group, text)
        list_messages(bob, group)
        list_messages(carol, group)

    with alices.reconnect() as again:
        received = [again.receive_frame() for _ in range(3)]
    assert [frame["type"] for frame in received] == ["notify", "notify", "already_read"]
    assert (received[2]["user_id"], received[2]["read_seq"]) == (CAROL, 2)


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, WebSocketConnection, Hub]]:
    """The client's end of a socket of bob, the socket in this process, and its hub."""
    hub = Hub(3, frame_out, lambda *_: None)
    listening, connecting = socket.socket(), socket.socket()
    with listening, connecting:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        connecting.connect(listening.getsockname())
        near, _ = listening.accept()
        near.setblocking(False)
        bob = Subscriber(BOB, 0, int(time.time()) + 60, "http://localhost", "token", 1)
        opened = WebSocketConnection(near, b"", bob, SocketLimits(25, 100), hub)
        yield connecting, opened, hub
        opened.close(1000)
        gevent.sleep(0)


def test_frames_older_than_ten_seconds_are_not_replayed(
    connection: tuple[socket.socket, WebSocketConnection, Hub],
) -> None:
    far, opened, hub = connection
    hub.dispatch((1, 0), LiveEvent(frame={"type": "old"}, users=(BOB,)), age=12)
    hub.dispatch((2, 0), LiveEvent(frame={"type": "late"}, users=(BOB,)), age=8)

    hub.register(opened, set(), hub.seen, Mark(START))
    opened.open()

    assert far.recv(4096).startswith(b"\x81\x0f" + b'{"type":"late"}')
