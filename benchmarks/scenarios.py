"""Scenarios: endless requests of each kind, with their target cost."""

from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import NamedTuple

from benchmarks.load import request
from benchmarks.world import PASSWORD, Participant, Person, Sizes, World, send_request, text_of

QUICK = Sizes(groups=(2, 20, 100), lists=(10, 50), histories=(100, 1000))
FULL = Sizes(groups=(2, 20, 100, 1000), lists=(10, 50, 200), histories=(100, 1000, 10_000))

FRIENDS, CONVERSATIONS = "friends", "conversations"
GROUP, HISTORY = "send to a group", "history"
PRIVATE, LOGIN = "send to a private chat", "login"

_LONG_HISTORY = 1000
_REGISTERED = count(1)


class Scenario(NamedTuple):
    """One kind of request.

    Attributes:
        name: what it is.
        size: of what it touches, if it is measured at several.
        requests: the requests, without end, in some world.
        aim: what it should cost at most, in H, application only.
        max_clients: the product refuses more at once.
    """

    name: str
    requests: Callable[[World], Iterator[bytes]]
    size: int | None = None
    aim: float | None = None
    max_clients: int = 16

    def __str__(self) -> str:
        return self.name if self.size is None else f"{self.name}, {self.size:,}"


def scenarios(sizes: Sizes) -> list[Scenario]:
    """List all scenarios, read requests first."""
    return [
        Scenario("account info", _account_info, aim=4),
        Scenario("search", _search, aim=4.5),
        Scenario("poll, nothing new", _poll, aim=4.5),
        *(_listing(FRIENDS, size, {50: 6.5}) for size in sizes.lists),
        *(_listing(CONVERSATIONS, size, {50: 5.5}) for size in sizes.lists),
        *(_history(size, {1000: 20}) for size in sizes.histories),
        Scenario(PRIVATE, lambda world: _sends(world.private), aim=7),
        *(_to_group(size, {1000: 7.5}) for size in sizes.groups),
        Scenario("mixed", _mixed),
        Scenario(LOGIN, _login, aim=8),
        Scenario("register", _register),
    ]


def _account_info(world: World) -> Iterator[bytes]:
    return _from_each(world.people, "/account/info")


def _search(world: World) -> Iterator[bytes]:
    for person, other in zip(cycle(world.people), cycle(world.people[1:]), strict=False):
        yield request("GET", f"/search_user?query_name={other.name}", person.token)


def _poll(world: World) -> Iterator[bytes]:
    for place in cycle(world.quiet):
        path = f"/conversations/messages?conversationId={place.conversation_id}&after_version=1"
        yield request("GET", path, place.person.token)


def _listing(name: str, size: int, aims: dict[int, float]) -> Scenario:
    return Scenario(
        name,
        lambda world: _from_each([world.collectors[size]], f"/{name}"),
        size,
        aims.get(size),
    )


def _history(size: int, aims: dict[int, float]) -> Scenario:
    def requests(world: World) -> Iterator[bytes]:
        place = world.histories[size]
        path = f"/conversations/messages?conversationId={place.conversation_id}"
        return _from_each([place.person], path)

    # An account gets at most two responses of this length at once.
    max_clients = 2 if size > _LONG_HISTORY else 16
    return Scenario(HISTORY, requests, size, aims.get(size), max_clients)


def _to_group(size: int, aims: dict[int, float]) -> Scenario:
    return Scenario(GROUP, lambda world: _sends(world.groups[size]), size, aims.get(size))


def _mixed(world: World) -> Iterator[bytes]:
    """Of ten requests, six poll, two send, one lists conversations and one friends."""
    polls, sends = _poll(world), _sends(world.private)
    collector = [next(person for size, person in world.collectors.items() if size >= 50)]
    lists = _from_each(collector, f"/{CONVERSATIONS}"), _from_each(collector, f"/{FRIENDS}")
    for kind in cycle((polls, sends, polls, lists[0], polls, polls, sends, polls, lists[1], polls)):
        yield next(kind)


def _login(world: World) -> Iterator[bytes]:
    for person in cycle(world.people):
        body = {"email": person.email, "password": PASSWORD}
        yield request("POST", "/account/login", body=body)


def _register(_world: World) -> Iterator[bytes]:
    for number in _REGISTERED:
        name = f"Newcomer{number}"
        body = {"email": f"{name}@example.com", "name": name, "password": PASSWORD}
        yield request("POST", "/account/reg", body=body)


def _sends(places: list[Participant]) -> Iterator[bytes]:
    for number, place in enumerate(cycle(places)):
        yield send_request(place, text_of(number))


def _from_each(people: list[Person], path: str) -> Iterator[bytes]:
    for person in cycle(people):
        yield request("GET", path, person.token)
