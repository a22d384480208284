"""Live sockets: opening and closing."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask
from websocket import create_connection
from websocket._abnf import ABNF

from chat_service.tests.calls import send_text
from chat_service.tests.factories import make_account, make_group
from chat_service.tests.live_server import (
    TIMEOUT,
    LiveSocket,
    Server,
    ServerClient,
    delete_account,
    run_server,
)
from shared.keys import generate_key_pair
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.contracts import state
from shared.testing.tokens import issue
from shared.web.account_state import SessionEnds
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


def test_a_stopping_service_sends_a_close_frame(app: Flask, settings: dict[str, str]) -> None:
    with run_server(settings) as server, LiveSocket(server, ALICE) as alice:
        server.program.terminate()

        assert alice.receive_close_code() == 1001
        assert server.program.wait(TIMEOUT) == 0
