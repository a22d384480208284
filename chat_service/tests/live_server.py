"""The chat service under gunicorn, and clients with HTTP and websockets."""

import json
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import requests
from websocket import WebSocket, WebSocketException, create_connection
from websocket._abnf import ABNF
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from chat_service.tests.factories import SECRET
from shared.data.client import SECRET_HEADER
from shared.testing.cast import DAVE
from shared.testing.client import ApiClient, Reply
from shared.testing.contracts import state
from shared.testing.processes import environment_of_tests
from shared.testing.tokens import issue

ROOT = Path(__file__).parents[2]
TIMEOUT = 40  # A busy machine starts programs slowly.


class Server:
    """A running chat service.

    Attributes:
        address: host and port.
        program: its process.
    """

    def __init__(self, environment: Mapping[str, str], *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:{1}".format(*probe.getsockname())
        command = (sys.executable, "-m", "gunicorn", "-c", "python:shared.server.gunicorn_conf")
        bind = ("--bind", self.address)
        self.program = subprocess.Popen(
            (*command, *bind, *options, "chat_service.app:create_app()"),
            cwd=ROOT,
            env=environment_of_tests() | dict(environment),
        )

    def wait_until_up(self) -> None:
        """Wait until it responds; it refuses connections until then."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                requests.get(f"http://{self.address}/livez", timeout=TIMEOUT)
                return
            except requests.ConnectionError:
                assert self.program.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def send_event(self, kind: str, state: Mapping[str, object], times: int = 1) -> None:
        """Deliver an event, once or several times."""
        response = requests.post(
            f"http://{self.address}/internal/events",
            json={"events": [{"type": kind, "state": state}] * times},
            headers={SECRET_HEADER: SECRET},
            timeout=TIMEOUT,
        )
        assert response.status_code == 200

    def request_socket(self, query: str, **headers: str) -> requests.Response:
        """Send a handshake that is refused, and return the response."""
        handshake = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        url = f"http://{self.address}/ws/{query}"
        return requests.get(url, headers=handshake | headers, timeout=TIMEOUT)

    def stop(self) -> int:
        """Terminate the process, and return its exit status."""
        self.program.terminate()
        return self.program.wait(TIMEOUT)


@contextmanager
def run_server(environment: Mapping[str, str], *options: str) -> Iterator[Server]:
    """Run the service during the block."""
    server = Server(environment, *options)
    try:
        server.wait_until_up()
        yield server
    finally:
        server.program.send_signal(signal.SIGQUIT)
        server.program.wait(TIMEOUT)


class LiveSocket:
    """An open websocket of a user, in a session of its own unless ``jti`` is given."""

    def __init__(
        self, server: Server, user_id: int, wire: Mapping[str, Any] | None = None, **token: Any
    ) -> None:
        self._server = server
        self.user_id = user_id
        self._session_id = token.setdefault("jti", uuid.uuid4().hex)
        self.wire: WebSocket = create_connection(
            f"ws://{server.address}/ws/?token={issue(user_id, **token)}",
            timeout=TIMEOUT,
            **(wire or {}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def reconnect(self, server: Server | None = None) -> "LiveSocket":
        """Open another socket of the session, at the same server or another one."""
        return LiveSocket(server or self._server, self.user_id, jti=self._session_id)

    def acknowledge(self) -> None:
        """Wait for the ping after the received frames, and until the server has its pong."""
        for kind, payload in ((ABNF.OPCODE_PING, b""), (ABNF.OPCODE_PONG, b"received?")):
            if payload:
                self.wire.ping(payload.decode())
            while self.wire.recv_data(control_frame=True)[0] != kind:
                pass

    def receive_frame(self) -> dict[str, Any]:
        """Wait for the next frame."""
        frame: dict[str, Any] = json.loads(self.wire.recv())
        return frame

    def receive_frames(self, via: Server | None = None) -> list[dict[str, Any]]:
        """Receive all frames that were sent up to now.

        Frames are ordered: an additional frame for this user ends the list.

        Args:
            via: the process that published the events, if it is another one.
        """
        unknown_id = 10_000
        marker = {"sender_id": self.user_id, "receiver_id": unknown_id}
        (via or self._server).send_event("friend_request_changed", marker)
        return list(iter(self.receive_frame, {"type": "request_message"}))

    def receive_types(self) -> list[str]:
        """Receive all frames, and return their types."""
        return [frame["type"] for frame in self.receive_frames()]

    def send(self, wire: bytes) -> None:
        """Send raw bytes."""
        assert self.wire.sock is not None
        self.wire.sock.sendall(wire)

    def receive_bytes(self) -> bytes:
        """Receive raw bytes; ``b""`` at the end."""
        assert self.wire.sock is not None
        return self.wire.sock.recv(4096)

    def receive_close_code(self) -> int:
        """Skip frames until the close frame, and return its code."""
        while True:
            kind, payload = self.wire.recv_data(control_frame=True)
            if kind == ABNF.OPCODE_CLOSE:
                return int.from_bytes(payload[:2], "big")

    def leave(self) -> None:
        """Close the socket, and wait until the server has closed it."""
        with suppress(ConnectionError, WebSocketException):  # It may be closed already.
            self.wire.close(timeout=TIMEOUT)
        self.wire.shutdown()


def wait_for_delivery(server: Server) -> None:
    """Wait until all published events have reached the only process of a server."""
    with LiveSocket(server, DAVE) as dave:
        dave.receive_frames()


def delete_account(server: Server, user_id: int) -> None:
    """Deliver the deletion of an account in its first version."""
    server.send_event(
        "account", state("account", id=user_id, deleted=True, generation=1, version=2)
    )


class ServerClient(ApiClient):
    """A client of a running service over HTTP, all of whose requests must succeed."""

    def __init__(self, server: Server, user_id: int) -> None:
        self.id = user_id
        self.token = issue(user_id)
        self._server = server
        self._session = requests.Session()

    def close(self) -> None:
        """Close the connection to the service."""
        self._session.close()

    def open_socket(self) -> LiveSocket:
        """Open a websocket, and receive the frames that were missed before."""
        opened = LiveSocket(self._server, self.id)
        opened.receive_frames()
        return opened

    def call(self, method: str, path: str, **request: Any) -> Reply:
        """Send a request, with the arguments of Flask's test client."""
        built = EnvironBuilder(path, method=method, **request).get_request()
        answer = self._session.request(
            method,
            f"http://{self._server.address}{built.full_path}",
            data=built.get_data(),
            headers={"Authorization": self.token or "", "Content-Type": built.content_type},
            timeout=TIMEOUT,
        )
        assert answer.status_code == 200, answer.text
        return Reply(200, Headers(answer.headers.items()), answer.content, answer.json())
