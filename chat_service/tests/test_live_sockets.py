"""Live sockets: opening, closing, and replay of missed frames."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack

import gevent
import pytest
from flask import Flask
from websocket import WebSocketTimeoutException, create_connection
from websocket._abnf import ABNF

from chat_service.live.frames import START, LiveEvent, Mark
from chat_service.live.hub import Hub
from chat_service.live.sockets import WebSocketConnection
from chat_service.live.subscriber import SocketLimits, Subscriber
from chat_service.schemas.live import frame_out
from chat_service.tests.calls import list_messages, send_text
from chat_service.tests.factories import make_account, make_group
from chat_service.tests.live_server import (
    TIMEOUT,
    LiveSocket,
    Server,
    ServerClient,
    delete_account,
    run_server,
    wait_for_delivery,
)
from shared.keys import generate_key_pair
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.contracts import state
from shared.testing.tokens import issue
from shared.web.authentication import SessionEnds
from shared.web.errors import INVALID_JWT

FOREIGN_KEY, _ = generate_key_pair()


@pytest.fixture
def alice(server: Server) -> ServerClient:
    return ServerClient(server, ALICE)


@pytest.fixture
def bob(server: Server) -> ServerClient:
    return ServerClient(server, BOB)


@pytest.fixture
def group(app: Flask) -> int:
    return make_group(app, ALICE, BOB)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?token=",
        "?token=nonsense",
        f"?token={'x' * 4000}",
        f"?token={issue(ALICE, exp=int(time.time()) - 1)}",
        f"?token={issue(ALICE, key_pem=FOREIGN_KEY)}",
        f"?token={issue(ALICE, generation=1)}",
        f"?token={issue(ALICE, type='refresh')}",
        f"?token={issue(9_999)}",
    ],
    ids=["none", "empty", "garbage", "long", "expired", "forged", "later", "refresh", "unknown"],
)
def test_without_a_valid_token_the_handshake_is_refused(server: Server, query: str) -> None:
    response = server.request_socket(query)

    assert (response.status_code, response.json()) == (401, {"code": -2, "info": INVALID_JWT.info})


def test_the_token_of_a_deleted_account_opens_no_socket(app: Flask, server: Server) -> None:
    make_account(app, ALICE, "Alice", version=2, deleted=True, generation=1)

    rejection = [server.request_socket(f"?token={issue(ALICE, g)}").status_code for g in (0, 1)]

    assert rejection == [401, 401]


@pytest.mark.parametrize(
    "header",
    [
        {"Upgrade": "h2c"},
        {"Connection": "close"},
        {"Sec-WebSocket-Version": "8"},
        {"Sec-WebSocket-Key": "short"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_an_invalid_handshake_gets_a_json_error(server: Server, header: dict[str, str]) -> None:
    response = server.request_socket(f"?token={issue(ALICE)}", **header)

    expected = {"code": -7, "info": "Missing or error type of [Upgrade]"}
    assert (response.status_code, response.json()) == (400, expected)


def test_the_path_works_without_its_slash(server: Server) -> None:
    wire = create_connection(f"ws://{server.address}/ws?token={issue(ALICE)}", timeout=TIMEOUT)
    wire.ping("still there?")

    assert wire.recv_data(control_frame=True) == (ABNF.OPCODE_PONG, b"still there?")
    wire.close()


@pytest.mark.parametrize(
    ("query", "offered", "chosen"),
    [
        ("", f"ims, {issue(ALICE)}", "ims"),
        ("", f"mqtt,{issue(ALICE)},ims", "ims"),
        ("?token=nonsense", f"ims, {issue(ALICE)}", "ims"),
        (f"?token={issue(ALICE)}", "ims", "ims"),
        (f"?token={issue(ALICE)}", "com.example.chat, IMS", None),
    ],
    ids=["token offered", "in any order", "offered token wins", "token in query", "others ignored"],
)
def test_the_token_can_be_a_subprotocol(
    server: Server, query: str, offered: str, chosen: str | None
) -> None:
    url = f"ws://{server.address}/ws/{query}"
    header = {"Sec-WebSocket-Protocol": offered}
    wire = create_connection(url, timeout=TIMEOUT, header=header)

    headers = wire.getheaders()
    assert headers is not None
    assert headers.get("sec-websocket-protocol") == chosen
    wire.close()


def test_a_bad_token_among_the_subprotocols_is_refused(server: Server) -> None:
    offered = {"Sec-WebSocket-Protocol": f"ims, {issue(ALICE, key_pem=FOREIGN_KEY)}"}

    assert server.request_socket(f"?token={issue(ALICE)}", **offered).status_code == 401


def test_a_socket_is_closed_when_its_token_expires(server: Server) -> None:
    with LiveSocket(server, ALICE, exp=int(time.time()) + 1) as alice:
        assert alice.receive_close_code() == 4401


def test_deleting_an_account_closes_its_sockets_without_a_frame(
    app: Flask, server: Server, group: int, alice: ServerClient, bob: ServerClient
) -> None:
    with bob.open_socket() as other, alice.open_socket() as second, alice.open_socket() as first:
        delete_account(server, ALICE)
        send_text(bob, group, "gone?")

        goodbye = ABNF.OPCODE_CLOSE, struct.pack("!H", 4401)
        received = [list(iter(each.wire.recv_data, goodbye)) for each in (first, second)]
        marker = ABNF.OPCODE_TEXT, b'{"type":"request_message"}'
        assert received == [[], [marker]]  # The marker of `open_socket` of the first.
        assert other.receive_types() == ["notify"]


def test_the_sockets_of_an_ended_session_close_at_once(server: Server) -> None:
    ends = SessionEnds(up_to=7).to_text()
    with (
        LiveSocket(server, ALICE, session=7) as phone,
        LiveSocket(server, ALICE, session=8) as laptop,
    ):
        server.send_event("account", state("account", id=ALICE, session_ends=ends, version=2))
        assert phone.receive_close_code() == 4401
        assert laptop.receive_frames() == []


def test_an_ended_session_opens_no_socket(app: Flask, server: Server) -> None:
    make_account(app, ALICE, "Alice", version=2, session_ends=SessionEnds(up_to=7).to_text())
    assert server.request_socket(f"?token={issue(ALICE, session=7)}").status_code == 401


def test_a_late_repeat_of_a_deletion_does_not_close_the_sockets_of_the_restored_account(
    app: Flask, server: Server
) -> None:
    make_account(app, ALICE, "Alice", version=3, generation=1)
    with LiveSocket(server, ALICE, generation=1) as alice:
        delete_account(server, ALICE)

        assert alice.receive_frames() == []


def test_a_socket_beyond_the_limit_closes_the_oldest(
    server: Server, group: int, alice: ServerClient
) -> None:
    with ExitStack() as stack:
        oldest, *others = [stack.enter_context(LiveSocket(server, ALICE)) for _ in range(4)]
        assert oldest.receive_close_code() == 4429

        send_text(alice, group, "hello")

        assert others[0].receive_types() == ["notify"]


def test_a_slow_socket_is_closed_and_delays_no_other(
    server: Server, group: int, alice: ServerClient, bob: ServerClient
) -> None:
    tiny = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
    with LiveSocket(server, CAROL, {"sockopt": tiny}) as slow, bob.open_socket() as other:
        server.send_event(
            "friend_request_changed", {"sender_id": CAROL, "receiver_id": 9_999}, times=20_000
        )
        send_text(alice, group, "still quick")

        assert other.receive_types() == ["notify"]
        assert slow.receive_close_code() == 1013


def test_messages_of_a_client_are_ignored(server: Server, group: int, alice: ServerClient) -> None:
    with alice.open_socket() as socket_of_alice:
        socket_of_alice.wire.send("hello?")
        socket_of_alice.wire.send_binary(b"\x00\xff")
        send_text(alice, group, "hello")

        assert socket_of_alice.receive_types() == ["notify"]


def test_a_client_that_sends_too_much_is_closed(server: Server) -> None:
    with LiveSocket(server, DAVE) as dave:
        for _ in range(70):
            dave.wire.send("x" * 1000)

        assert dave.receive_close_code() == 1008


def test_a_client_that_breaks_the_protocol_is_closed(server: Server) -> None:
    with LiveSocket(server, DAVE) as dave:
        dave.send(b"\x81\x02hi")  # Frames of a client must be masked.

        assert dave.receive_close_code() == 1002


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


@pytest.fixture(scope="module")
def pinging_server(settings: dict[str, str], _app: Flask) -> Iterator[Server]:
    """A service with a short ping interval."""
    with run_server(settings | {"WS_PING_SECONDS": "0.1"}) as server:
        yield server


def test_a_client_that_sends_no_pong_is_dropped(app: Flask, pinging_server: Server) -> None:
    with LiveSocket(pinging_server, ALICE) as dead:
        rest = b"".join(iter(dead.receive_bytes, b""))

        assert rest == b"\x89\x00"  # A ping, and no close frame.


def test_a_client_that_sends_pongs_stays_connected(app: Flask, pinging_server: Server) -> None:
    with LiveSocket(pinging_server, ALICE) as alive:
        kinds = [alive.wire.recv_data(control_frame=True)[0] for _ in range(5)]

        assert kinds == [ABNF.OPCODE_PING] * 5


def test_a_stopping_service_sends_a_close_frame(app: Flask, pinging_server: Server) -> None:
    with LiveSocket(pinging_server, ALICE) as alice:
        pinging_server.program.terminate()

        assert alice.receive_close_code() == 1001
        assert pinging_server.program.wait(TIMEOUT) == 0
