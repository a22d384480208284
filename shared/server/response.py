"""Send responses: the head together with the first block, and with a timeout per block.

gunicorn has no setting for its class of responses, so `install` replaces it in the module that
creates them (docs/decisions/0014-gunicorn-and-supervisor.md).
"""

import json
import socket
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi

from shared.server.request_head import client_key
from shared.server.sockets import send_all
from shared.web.errors import ErrorSpec
from shared.web.request_body import discard_input
from shared.web.waiting import waiting_clients

_BLOCK_SIZE = 64 * 1024


class _SendBuffer(bytearray):
    """Collects the bytes that gunicorn sends over a connection."""

    sendall = bytearray.extend


class Response(wsgi.Response):
    """A response whose head is sent together with the first block.

    The timeout of the connection applies to each 64 KiB.
    """

    sock: Any

    def default_headers(self) -> list[str]:
        """Return gunicorn's headers without ``Server``."""
        major, minor = self.req.version
        connection = "close" if self.should_close() else "keep-alive"
        lines = [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Date: {_format_date(int(time()))}\r\n",
            f"Connection: {'upgrade' if self.upgrade else connection}\r\n",
        ]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        return lines

    def write(self, block: bytes) -> None:
        """Send a block of the body; the first block is preceded by the head."""
        connection, self.sock = self.sock, _SendBuffer()
        try:
            super().write(block)
        finally:
            collected, self.sock = self.sock, connection
        with waiting_clients.wait_for(connection, client_key(self.req.peer_addr)):
            for start in range(0, len(collected), _BLOCK_SIZE):
                send_all(connection, collected[start : start + _BLOCK_SIZE])


@lru_cache(maxsize=1)
def _format_date(second: int) -> str:
    return str(util.http_date(second))


def send_error(client: socket.socket, spec: ErrorSpec) -> None:
    """Send an error response outside of the application, and read the rest of the request."""
    body = json.dumps({"code": spec.code, "info": spec.info})
    head = (
        f"HTTP/1.1 {spec.status} {HTTPStatus(spec.status).phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    with suppress(OSError):
        util.write_nonblock(client, "\r\n".join((*head, "", body)).encode())
        client.shutdown(socket.SHUT_WR)
    discard_input(client)


def install() -> None:
    """Make gunicorn respond in this way."""
    wsgi.Response = Response
