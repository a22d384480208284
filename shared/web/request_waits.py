"""What a request does that waits for something else than its database."""

import socket

from flask import current_app, has_app_context, has_request_context, request
from gevent.monkey import get_original

_PlainSocket: type[socket.socket] = get_original("socket", "socket")


def release_database_connection() -> None:
    """Give the running request's database connection back to the pool, if it holds one.

    Whatever may wait calls this first, so that nothing can be waited for with a connection held.

    Raises:
        RuntimeError: a transaction is open, in which nothing may be waited for.
    """
    if has_app_context() and (database := current_app.extensions.get("sqlalchemy")):
        database.release()


def requester_is_gone() -> bool:
    """Whether the client of the running request has closed its connection."""
    connection = request.environ.get("gunicorn.socket") if has_request_context() else None
    if connection is None:
        return False
    peer = _PlainSocket(fileno=connection.fileno())
    try:
        return not peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        peer.detach()
