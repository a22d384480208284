"""HTTP servers that replace the services, with a handler for each test."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simple_websocket import ConnectionClosed
from simple_websocket import Server as WebSocket

TIMEOUT = 20


class Exchange(BaseHTTPRequestHandler):
    """A request that a service received, and methods to respond."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def handle_one_request(self) -> None:
        """Call the handler of the test, which may send invalid responses."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.server.upstream.note(self)
        self.server.upstream.handler(self)
        self.wfile.flush()

    def iter_body(self) -> Iterator[bytes]:
        """Iterate over the body of the request as it arrives."""
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
        """Read the whole body of the request."""
        return b"".join(self.iter_body())

    def send(self, *lines: str, body: bytes = b"") -> None:
        """Send the lines of a head, and a body."""
        self.wfile.write("\r\n".join((*lines, "", "")).encode() + body)

    def send_json(self, content: Any, *headers: str) -> None:
        """Send a JSON response."""
        body = json.dumps(content).encode()
        self.send(
            "HTTP/1.1 200 OK",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *headers,
            body=body,
        )

    def echo(self) -> None:
        """Respond with the request as JSON."""
        self.server.upstream.echo(self)

    def log_message(self, *_args: Any) -> None:
        """Log nothing."""


class Upstream:
    """A fake service.

    Attributes:
        name: its name.
        received: the received requests, in order, without probes.
        was_probed: whether a gateway that has ejected the service, perhaps in another test, has
            probed it.
        handler: called with each request.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Reset the handler to `echo`, and clear the received requests."""
        self.received: list[Exchange] = []
        self.was_probed = False
        self.handler: Callable[[Exchange], None] = self.echo

    def note(self, exchange: Exchange) -> None:
        """Note a received request."""
        if exchange.path == "/readyz":
            self.was_probed = True
        else:
            self.received.append(exchange)

    def echo(self, exchange: Exchange) -> None:
        """Respond with the request as JSON."""
        exchange.send_json(
            {
                "service": self.name,
                "method": exchange.command,
                "target": exchange.path,
                "headers": exchange.headers.items(),
                "body": exchange.body().decode("latin-1"),
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
        """Ignore lost connections, which some tests cause."""


@contextmanager
def run_upstream(name: str, host: str = "127.0.0.1", port: int = 0) -> Iterator[Upstream]:
    """Run a service on loopback, on a free port unless one is given."""
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


def close_connection(exchange: Exchange) -> None:
    """Close the connection without a response."""
    exchange.close_connection = True


def refuse(exchange: Exchange, *headers: str) -> None:
    """Respond with 503, like a service without its database."""
    body = b'{"code":-503,"info":"Service unavailable"}'
    exchange.send(
        "HTTP/1.1 503 Service Unavailable",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
        body=body,
    )


def hang_until(released: threading.Event) -> Callable[[Exchange], None]:
    """Create a handler that does not respond until an event, and closes the connection."""

    def hang(exchange: Exchange) -> None:
        released.wait(TIMEOUT)
        exchange.close_connection = True

    return hang


def echo_websocket(exchange: Exchange) -> None:
    """Accept a websocket, send a greeting, and echo every message."""
    environ = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in exchange.headers.items()
    }
    websocket = WebSocket({**environ, "werkzeug.socket": exchange.connection, "PATH_INFO": "/ws/"})
    exchange.close_connection = True
    try:
        websocket.send("hello")
        while True:
            websocket.send(websocket.receive())
    except ConnectionClosed:
        pass
