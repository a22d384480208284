"""Pass one request on to a service and its answer back, unchanged and without storing either.

What belongs to one connection only, and whatever a client claims about who or where it is,
stays here; the rest goes through as it came.
"""

import errno
import logging
import socket
import struct
from collections.abc import Iterator
from urllib.parse import quote

from flask import Response, request

from gateway.config import GatewaySettings
from gateway.connection import Answer, Outgoing, UpstreamError
from gateway.incoming import received_body
from gateway.upstream import Service
from shared.logs import request_id
from shared.web.request_body import Environ

log = logging.getLogger(__name__)

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# As WSGI spells them. The server has answered `Expect`; some programs obey `Proxy`.
_NOT_PASSED_ON = frozenset(
    {f"HTTP_{name.upper().replace('-', '_')}" for name in _HOP_BY_HOP}
    | {"HTTP_EXPECT", "HTTP_PROXY", "HTTP_FORWARDED"}
)
# Who a client is, its token says; where it is, its connection.
_CLAIMS_OF_CLIENTS = (
    "HTTP_X_FORWARDED",
    "HTTP_X_INTERNAL",
    "HTTP_X_USER",
    "HTTP_X_AUTH",
    "HTTP_X_REMOTE",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_ORIGINAL",
    "HTTP_X_REWRITE",
    "HTTP_REMOTE",
)
# The gateway's own server writes these two itself.
_NOT_PASSED_BACK = _HOP_BY_HOP | {"server", "date"}

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class PassedOn(Response):
    """An answer with the headers that a service gave it, and none of Flask's."""

    default_mimetype = None
    automatically_set_content_length = False


def forward(service: Service, settings: GatewaySettings) -> Response:
    """The answer of ``service`` to the current request.

    Raises:
        ApiError: as ``Service.send`` and ``received_body``.
    """
    environ = request.environ
    method = environ["REQUEST_METHOD"]
    with received_body(environ, settings) as body:
        outgoing = Outgoing(method, target_of(environ), headers_of(environ), body)
        return answer_of(service.send(outgoing))


def target_of(environ: Environ) -> str:
    """The path that was checked, and the query as it came."""
    path = quote(environ["PATH_INFO"].encode("latin-1"))
    query = environ.get("QUERY_STRING")
    return f"{path}?{query}" if query else path


def headers_of(environ: Environ) -> dict[str, str]:
    """The headers that a service gets: the client's own, and what the gateway knows."""
    headers = {}
    for key, value in environ.items():
        if (
            key.startswith("HTTP_")
            and key not in _NOT_PASSED_ON
            and not key.startswith(_CLAIMS_OF_CLIENTS)
        ):
            headers[key[5:].replace("_", "-").title()] = value
    for name in environ.get("HTTP_CONNECTION", "").split(","):
        headers.pop(name.strip().title(), None)
    for name, key in (
        ("Host", "HTTP_HOST"),
        ("Content-Type", "CONTENT_TYPE"),
        ("Content-Length", "CONTENT_LENGTH"),
    ):
        if environ.get(key):
            headers[name] = environ[key]
    headers["X-Forwarded-For"] = environ.get("REMOTE_ADDR", "")
    headers["X-Forwarded-Proto"] = environ["wsgi.url_scheme"]
    headers["X-Request-Id"] = request_id.get()
    return headers


def answer_of(upstream: Answer) -> Response:
    """The answer to the client. What has not come of its body follows as the service sends it."""
    dropped = _NOT_PASSED_BACK
    if named := upstream.header("connection"):
        dropped = dropped.union(name.strip().lower() for name in named.split(","))
    headers = [pair for pair in upstream.headers if pair[0].lower() not in dropped]
    if upstream.is_whole:
        return PassedOn(list(upstream.blocks()), upstream.status, headers)
    response = PassedOn(_blocks_of(upstream, request.environ), upstream.status, headers)
    response.call_on_close(upstream.close)
    return response


def _blocks_of(upstream: Answer, environ: Environ) -> Iterator[bytes]:
    try:
        yield from upstream.blocks()
    except UpstreamError as failure:
        log.warning("upstream_response_aborted", extra={"why": failure.why})
        # An orderly close would look like the end of a body without a length.
        client: socket.socket | None = environ.get("gunicorn.socket")
        if client is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        raise ConnectionResetError(errno.ECONNRESET, "the service broke off its answer") from None
