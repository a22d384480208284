"""Real HTTP servers in place of the services, which do as each test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simple_websocket import ConnectionClosed
from simple_websocket import Server as WebSocket

SECONDS = 20


class Exchange(BaseHTTPRequestHandler):
    """One request that a service got, and the means to answer it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def handle_one_request(self) -> None:
        """Let the test answer, also in ways in which no server should."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.server.upstream.received.append(self)
        self.server.upstream.answer(self)
        self.wfile.flush()

    def blocks(self) -> Iterator[bytes]:
        """The body of the request, as it comes."""
        if "Transfer-Encoding" in self.headers:
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers.get("Content-Length", 0))
        while left and (block := self.rfile.read1(left)):
            left -= len(block)
            yield block

    def body(self) -> bytes:
        """The whole body of the request."""
        return b"".join(self.blocks())

    def send(self, *lines: str, body: bytes = b"") -> None:
        """Write the head of an answer, and what follows it."""
        self.wfile.write("\r\n".join((*lines, "", "")).encode() + body)

    def send_json(self, content: Any, *headers: str) -> None:
        """An ordinary answer."""
        body = json.dumps(content).encode()
        self.send(
            "HTTP/1.1 200 OK",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *headers,
            body=body,
        )

    def echo_back(self) -> None:
        """Answer with the request itself."""
        self.server.upstream.echo(self)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class Upstream:
    """One service.

    Attributes:
        name: which one.
        received: the requests it got, in order.
        answer: what it does with one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.url = ""
        self.forget()

    def forget(self) -> None:
        """Be as new: say who it is, and what it got."""
        self.received: list[Exchange] = []
        self.answer: Callable[[Exchange], None] = self.echo

    def echo(self, got: Exchange) -> None:
        """Answer with the request itself."""
        got.send_json(
            {
                "service": self.name,
                "method": got.command,
                "target": got.path,
                "headers": got.headers.items(),
                "body": got.body().decode("latin-1"),
            }
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, upstream: Upstream, address: tuple[str, int]) -> None:
        super().__init__(address, Exchange)
        self.upstream = upstream

    def handle_error(self, *_args: Any) -> None:
        """A connection may break: that is what some tests are about."""


@contextmanager
def running(name: str, host: str = "127.0.0.1", port: int = 0) -> Iterator[Upstream]:
    """A service on loopback, on a free port unless one is given."""
    upstream = Upstream(name)
    server = _Server(upstream, (host, port))
    upstream.url = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def break_off(got: Exchange) -> None:
    """Close the connection without a word."""
    got.close_connection = True


def refuse(got: Exchange, *headers: str) -> None:
    """Answer 503, as a service does whose database is away."""
    body = b'{"code":-503,"info":"Service unavailable"}'
    got.send(
        "HTTP/1.1 503 Service Unavailable",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
        body=body,
    )


def hang_until(released: threading.Event) -> Callable[[Exchange], None]:
    """Say nothing for a long time, then close the connection."""

    def hang(got: Exchange) -> None:
        released.wait(SECONDS)
        got.close_connection = True

    return hang


def talk(got: Exchange) -> None:
    """Accept a websocket, greet at once, and return every message."""
    environ = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in got.headers.items()
    }
    websocket = WebSocket({**environ, "werkzeug.socket": got.connection, "PATH_INFO": "/ws/"})
    got.close_connection = True
    try:
        websocket.send("hello")
        while True:
            websocket.send(websocket.receive())
    except ConnectionClosed:
        pass
