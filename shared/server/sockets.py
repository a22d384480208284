"""Operations on sockets that cost less than those of gevent."""

import socket
from select import POLLIN

from gevent.monkey import get_original

_poll = get_original("select", "poll")  # gevent's would switch to other greenlets.


def send_all(connection: socket.socket, block: bytes | bytearray) -> None:
    """Send a block, mostly by one call: gevent's ``sendall`` asks for the buffer's size first."""
    sent = connection.send(block)
    if sent < len(block):
        connection.sendall(memoryview(block)[sent:])


def is_idle_and_open(descriptor: int) -> bool:
    """Whether an idle connection has received nothing: neither its end nor unexpected bytes."""
    poll = _poll()
    poll.register(descriptor, POLLIN)
    return not poll.poll(0)
