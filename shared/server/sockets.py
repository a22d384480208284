"""Check of pooled connections."""

import socket


def is_idle_and_open(connection: socket.socket) -> bool:
    """Whether an idle connection has received nothing: neither its end nor unexpected bytes."""
    connection.settimeout(0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
