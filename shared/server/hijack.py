"""Taking a connection over from the server, for what HTTP does not know: websockets."""

import socket
from collections.abc import Iterable
from typing import Any

from flask import Request, Response

from shared.web.errors import SERVICE_UNAVAILABLE, ApiError


class HijackedResponse(Response):
    """Stands for an answer that is none of the server's business any more."""

    def __init__(self) -> None:
        super().__init__(status=101)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Make gunicorn let go of the connection without another word."""
        raise StopIteration


def hijack_socket(request: Request) -> socket.socket:
    """The connection that ``request`` came over; whoever detaches it has to answer.

    Raises:
        ApiError: ``SERVICE_UNAVAILABLE``, if the server cannot let go of one.
    """
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    if connection is None:
        raise ApiError(SERVICE_UNAVAILABLE)
    return connection
