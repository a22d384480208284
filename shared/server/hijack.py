"""Take a connection over from gunicorn, for websockets."""

import socket
from collections.abc import Iterable
from typing import Any

from flask import Request, Response

from shared.web.errors import SERVICE_UNAVAILABLE, ApiError


class HijackedResponse(Response):
    """A placeholder for the response of a connection that was taken over."""

    def __init__(self) -> None:
        super().__init__(status=101)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Make gunicorn release the connection without a response."""
        raise StopIteration


def hijack_socket(request: Request) -> socket.socket:
    """Get the connection of ``request``. A caller that detaches it must respond by itself.

    Raises:
        ApiError: ``SERVICE_UNAVAILABLE``, if the server does not support this.
    """
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    if connection is None:
        raise ApiError(SERVICE_UNAVAILABLE)
    return connection
