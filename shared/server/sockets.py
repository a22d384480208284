"""Check of pooled connections."""

from select import POLLIN

from gevent.monkey import get_original

_poll = get_original("select", "poll")  # gevent's would switch to other greenlets.


def is_idle_and_open(descriptor: int) -> bool:
    """Whether an idle connection has received nothing: neither its end nor unexpected bytes."""
    poll = _poll()
    poll.register(descriptor, POLLIN)
    return not poll.poll(0)
