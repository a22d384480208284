"""gunicorn uses our replacements of its classes, so that an incompatible upgrade fails here."""

import socket
from collections.abc import Iterator

import pytest
from gunicorn import http
from gunicorn.config import Config
from gunicorn.http import wsgi

from shared.server import request_head, response
from shared.server.request_head import BoundedChunks, BoundedRequest, FairUnreader
from shared.server.response import Response
from shared.server.worker import Worker

ADDRESS = ("127.0.0.1", 8000)
OWN = {"shutdown_delay_seconds", "_DRAIN_IDLE_TIMEOUT", "_drain", "sock"}


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's and the server's end of a connection without delay."""
    client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with client, server:
        yield client, server


@pytest.mark.parametrize("ours", [BoundedChunks, BoundedRequest, FairUnreader, Response, Worker])
def test_what_we_override_is_there(ours: type) -> None:
    overridden = {name for name in vars(ours) if not name.startswith("__")} - OWN

    assert overridden
    assert not overridden - set(dir(ours.__base__))


def test_gunicorn_finds_its_settings_by_a_method_that_workers_avoid() -> None:
    assert "__getattr__" in vars(Config)
    assert "timeout" not in vars(Config())


def test_a_response_leaves_in_one_piece_without_the_name_of_the_server(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    client, server = connection
    request_head.install()
    response.install()
    client.send("GET /caf\xe9 HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    request = next(http.get_parser(Config(), server, ADDRESS))
    made, environ = wsgi.create(request, server, ADDRESS, ADDRESS, Config())
    made.start_response("200 OK", [("Content-Length", "5")])
    made.write(b"hello")
    sent = client.recv(4096)

    assert isinstance(request, BoundedRequest)
    assert isinstance(request.unreader, FairUnreader)
    assert environ["RAW_URI"] == "/caf%C3%A9"
    assert isinstance(made, Response)
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sent.endswith(b"\r\n\r\nhello")
    assert b"Server:" not in sent
