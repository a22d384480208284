"""The connection that has waited longest is closed in favour of a new one."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shared.web.waiting import WaitingClients


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def waiting() -> WaitingClients:
    """Two connections per client, and three in total."""
    return WaitingClients(max_per_client=2, max_in_all=3)


def _wait(stack: ExitStack, waiting: WaitingClients, client: str) -> socket.socket:
    """Return the client's end of a waiting connection."""
    server_end, client_end = (stack.enter_context(end) for end in socket.socketpair())
    client_end.setblocking(False)
    stack.enter_context(waiting.wait_for(server_end, client))
    return client_end


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_the_oldest_connection_of_a_client_makes_room(
    stack: ExitStack, waiting: WaitingClients
) -> None:
    other = _wait(stack, waiting, "other")
    connections = [_wait(stack, waiting, "one") for _ in range(3)]

    assert [_is_closed(each) for each in connections] == [True, False, False]
    assert not _is_closed(other)


def test_the_oldest_of_all_makes_room(stack: ExitStack, waiting: WaitingClients) -> None:
    connections = [_wait(stack, waiting, client) for client in ("one", "two", "three", "four")]

    assert [_is_closed(each) for each in connections] == [True, False, False, False]


def test_who_does_not_wait_any_more_takes_no_room(
    stack: ExitStack, waiting: WaitingClients
) -> None:
    first = _wait(stack, waiting, "one")
    with ExitStack() as done:
        _wait(done, waiting, "one")
    _wait(stack, waiting, "one")

    assert not _is_closed(first)
