"""Find free ports on this machine."""

import errno
import socket
from itertools import chain, islice

# Above what most programs use, below what the kernel hands out to clients.
_FIRST, _LAST = 20_000, 32_000
_APART = 8


def bind_error(host: str, port: int) -> OSError | None:
    """Return the error of listening on this address, or None if it is free."""
    try:
        [(family, kind, *_, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        return error
    return None


def is_address_in_use(error: OSError) -> bool:
    """Whether the error is that another process listens."""
    return error.errno == errno.EADDRINUSE


def free_ports(host: str, gateway_port: int, count: int) -> list[int]:
    """Find free ports for the programs behind the gateway on ``gateway_port``.

    Installations with different gateway ports search different ranges. A port is not returned
    twice while this process runs.
    """
    start = _FIRST + gateway_port * _APART % (_LAST - _FIRST)
    candidates = chain(range(start, _LAST), range(_FIRST, start))
    free = (port for port in candidates if port != gateway_port and not bind_error(host, port))
    return list(islice(filter(_claim, free), count))


def _claim(port: int) -> bool:
    """Reserve a port that has no listener yet against other installations.

    The UDP port of the same number, which is otherwise unused, is bound until this process ends.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as claim:
        try:
            claim.bind(("127.0.0.1", port))
        except OSError:
            return False
        claim.detach()
        return True


def connect_host(host: str) -> str:
    """Return the address for clients on this machine; ``host`` can mean all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def bracketed(host: str) -> str:
    """Format ``host`` for use before a port."""
    return f"[{host}]" if ":" in host else host
