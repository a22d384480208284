"""Detects requests that wait for the network while they hold a database connection."""

import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest
from flask import g, has_app_context

_WAITS = ("connect", "recv", "recv_into", "send", "sendall", "sendto")


@contextmanager
def detect_held_connections() -> Iterator[list[str]]:
    """Collect, during the block, the stacks of socket calls made with a database connection held.

    Database drivers do not use Python's sockets. Snapshots may be held. A call on a non-blocking
    socket does not wait.
    """
    stacks: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in _WAITS:
            patch.setattr(socket.socket, name, _watched(getattr(socket.socket, name), stacks))
        yield stacks


def _watched(wait: Callable[..., Any], stacks: list[str]) -> Callable[..., Any]:
    @wraps(wait)
    def watched(connection: socket.socket, *args: Any, **options: Any) -> Any:
        is_held = has_app_context() and "database_connection" in g
        is_blocking = connection.gettimeout() != 0
        if is_held and is_blocking and g.get("database_block") != "snapshot":
            stacks.append("".join(traceback.format_stack(limit=12)))
        return wait(connection, *args, **options)

    return watched
