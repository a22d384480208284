"""Forwards one request to a service and streams the response back, both unchanged.

Hop-by-hop headers, and identity and address headers of clients, are removed.
"""

import errno
import logging
import socket
import struct
from collections.abc import Iterator
from urllib.parse import quote

from flask import Response, request
from werkzeug.datastructures import Headers

from gateway.config import GatewaySettings
from gateway.http_client import UpstreamError, UpstreamRequest, UpstreamResponse
from gateway.request_body import read_body
from gateway.upstream import UpstreamService
from shared.logs import request_id
from shared.web.errors import NOT_FOUND, ApiError
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
# WSGI names. The server has responded to `Expect`; some programs use `Proxy` as a setting.
_STRIPPED_REQUEST_HEADERS = frozenset(
    {f"HTTP_{name.upper().replace('-', '_')}" for name in _HOP_BY_HOP}
    | {"HTTP_EXPECT", "HTTP_PROXY", "HTTP_FORWARDED"}
)
# Identity and address of a client come from its token and its connection alone.
_UNTRUSTED_HEADER_PREFIXES = (
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
# The server of the gateway writes `Server` and `Date` itself.
_STRIPPED_RESPONSE_HEADERS = _HOP_BY_HOP | {"server", "date"}

_LINGER_RST = struct.pack("ii", 1, 0)


class ProxiedResponse(Response):
    """A response with the headers of the service only."""

    default_mimetype = None

    def get_wsgi_headers(self, environ: Environ) -> Headers:
        """Return the headers as they are; werkzeug would adapt a copy of them."""
        return self.headers


def proxy_request(service: UpstreamService, settings: GatewaySettings) -> Response:
    """Forward the current request to ``service``.

    Raises:
        ApiError: see `UpstreamService.send`, `read_body` and `request_target`.
    """
    environ = request.environ
    method = environ["REQUEST_METHOD"]
    with read_body(environ, settings) as body:
        target, headers = request_target(environ), upstream_headers(environ)
        return client_response(service.send(UpstreamRequest(method, target, headers, body)))


def request_target(environ: Environ) -> str:
    """Build the target of the upstream request: the matched path, and the query as received.

    Raises:
        ApiError: ``NOT_FOUND`` if the path begins with several slashes, which the URL map ignores.
    """
    if environ["PATH_INFO"].startswith("//"):
        raise ApiError(NOT_FOUND)
    path = quote(environ["PATH_INFO"].encode("latin-1"))
    query = environ.get("QUERY_STRING")
    return f"{path}?{query}" if query else path


def upstream_headers(environ: Environ) -> dict[str, str]:
    """Build the headers for a service: those of the client, filtered, and those of the gateway."""
    headers = {}
    for key, value in environ.items():
        if (
            key.startswith("HTTP_")
            and key not in _STRIPPED_REQUEST_HEADERS
            and not key.startswith(_UNTRUSTED_HEADER_PREFIXES)
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


def client_response(upstream: UpstreamResponse) -> Response:
    """Build the response to the client. An incomplete body is streamed."""
    stripped = _STRIPPED_RESPONSE_HEADERS
    if connection := upstream.get_header("connection"):
        stripped = stripped.union(name.strip().lower() for name in connection.split(","))
    headers = [pair for pair in upstream.headers if pair[0].lower() not in stripped]
    if upstream.is_complete:
        return ProxiedResponse(list(upstream.iter_body()), upstream.status, headers)
    response = ProxiedResponse(_iter_body(upstream, request.environ), upstream.status, headers)
    response.call_on_close(upstream.close)
    return response


def _iter_body(upstream: UpstreamResponse, environ: Environ) -> Iterator[bytes]:
    try:
        yield from upstream.iter_body()
    except UpstreamError as error:
        log.warning("upstream_response_aborted", extra={"reason": error.reason})
        # Reset the connection: a client takes an orderly close for the end of a body.
        client: socket.socket | None = environ.get("gunicorn.socket")
        if client is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RST)
        raise ConnectionResetError(errno.ECONNRESET, "the service aborted its response") from None
