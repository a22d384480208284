"""A client of a running gateway that sends raw requests."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from shared.testing.secret_leaks import scan_text

TIMEOUT = 20


@dataclass
class WireResponse:
    """A response with its body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body; its content type must be JSON."""
        assert self.header("Content-Type") == ["application/json"]
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        """Get all values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Gateway:
    """A running gateway.

    Attributes:
        port: its port.
        program: its process.
        log: the lines of its log.
    """

    def __init__(self, port: int, program: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.program = program
        self.log: list[str] = []
        self.logged = threading.Condition()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def wait_until_up(self) -> None:
        """Wait until it responds."""
        while True:
            assert self.program.poll() is None, self.log
            try:
                assert self.request("GET", "/livez").status == 200
            except ConnectionError:  # Refused, or reset before the worker runs.
                self._reader.join(0.05)
            else:
                return

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Stop it (immediately with ``SIGQUIT``), and return its exit status."""
        self.program.send_signal(by)
        status = self.program.wait(TIMEOUT)
        self._reader.join()
        assert self.program.stderr is not None
        self.program.stderr.close()
        return status

    def request(
        self, method: str, target: str, *headers: str, token: str = "", body: bytes = b""
    ) -> WireResponse:
        """Send a request, with the length of its body unless the headers have a framing."""
        with self.open_request(method, target, *headers, token=token, body=body) as response:
            return read_response(response)

    @contextmanager
    def open_request(
        self, method: str, target: str, *headers: str, token: str = "", body: bytes = b""
    ) -> Iterator[HTTPResponse]:
        """Send a request, and yield the response without reading its body."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers]
        if token:
            lines.append(f"Authorization: {token}")
        if body and not any(line.startswith("Transfer-Encoding") for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        with self.open_connection(*lines, body=body) as connection:
            yield read_head(connection, method)

    def send_head(self, *lines: str, body: bytes = b"") -> WireResponse:
        """Send the raw lines of a head, and read the response."""
        with self.open_connection(*lines, body=body) as connection:
            return read_response(read_head(connection))

    @contextmanager
    def open_connection(self, *lines: str, body: bytes = b"") -> Iterator[socket.socket]:
        """Open a connection, and send the raw lines of a head and a part of a body."""
        with closing(socket.create_connection(("127.0.0.1", self.port), TIMEOUT)) as connection:
            connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + body)
            yield connection

    def wait_for_log(self, text: str, after: int = 0) -> str:
        """Wait for a line of the log that contains ``text``, after the first ``after`` lines."""
        with self.logged:
            self.logged.wait_for(lambda: any(text in line for line in self.log[after:]), TIMEOUT)
        return next(line for line in self.log[after:] if text in line)

    def _read_log(self) -> None:
        assert self.program.stderr is not None
        for line in self.program.stderr:
            scan_text(line.decode())
            with self.logged:
                self.log.append(line.decode())
                self.logged.notify_all()


def read_head(connection: socket.socket, method: str = "GET") -> HTTPResponse:
    """Read the head of the response on a connection."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response


def read_response(response: HTTPResponse) -> WireResponse:
    """Read the body of a response."""
    with response:
        return WireResponse(response.status, response.getheaders(), response.read())


def encode_chunk(block: bytes) -> bytes:
    """Encode a chunk of a body; an empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(block), block)


def websocket_handshake(token: str) -> tuple[str, ...]:
    """Build the lines of a websocket handshake."""
    target = f"GET /ws/?token={token} HTTP/1.1"
    return target, "Host: x", "Connection: Upgrade", "Upgrade: websocket"
