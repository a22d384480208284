"""Which addresses on this machine are free."""

import errno
import socket
from itertools import chain, islice

# Above what most programs use, below what the kernel hands out to clients.
_FIRST, _LAST = 20_000, 32_000
_APART = 8


def bind_error(host: str, port: int) -> OSError | None:
    """Why nobody could listen on this address now, or None if one could."""
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
    """Whether somebody else listening is the reason."""
    return error.errno == errno.EADDRINUSE


def free_ports(host: str, gateway_port: int, count: int) -> list[int]:
    """Free ports for the programs behind the gateway on ``gateway_port``.

    Copies of the product with different gateway ports look in different places, and none gets
    a port that this process was given before, as long as it runs.
    """
    start = _FIRST + gateway_port * _APART % (_LAST - _FIRST)
    candidates = chain(range(start, _LAST), range(_FIRST, start))
    free = (port for port in candidates if port != gateway_port and not bind_error(host, port))
    return list(islice(filter(_claim, free), count))


def _claim(port: int) -> bool:
    """Keep a port that is not listened on yet, or not for a moment, from other copies.

    The UDP port of the same number, which nobody uses, is bound until this process ends.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as claim:
        try:
            claim.bind(("127.0.0.1", port))
        except OSError:
            return False
        claim.detach()
        return True


def connect_host(host: str) -> str:
    """The address for clients on this machine; ``host`` may mean all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def bracketed(host: str) -> str:
    """``host`` as written before a port."""
    return f"[{host}]" if ":" in host else host
