"""Whether a connection that was kept for later is worth using."""

import socket


def is_idle_and_open(connection: socket.socket) -> bool:
    """Whether nothing has come over an idle connection: no end, no word that nobody asked for."""
    connection.settimeout(0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
