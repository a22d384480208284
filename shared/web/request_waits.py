"""Waiting in a request for something other than its database."""

import socket

from flask import current_app, has_app_context, has_request_context, request

from shared.web.waiting import without_gevent


def release_database_connection() -> None:
    """Return the request's database connection to the pool, if it has one.

    Call it before every wait, so that no connection is held meanwhile.

    Raises:
        RuntimeError: a transaction is open.
    """
    if has_app_context() and (database := current_app.extensions.get("sqlalchemy")):
        database.release()


def requester_is_gone() -> bool:
    """Whether the client of the request has closed its connection."""
    connection = request.environ.get("gunicorn.socket") if has_request_context() else None
    if connection is None:
        return False
    try:
        with without_gevent(connection) as plain:
            return not plain.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
