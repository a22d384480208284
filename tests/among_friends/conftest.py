"""Four people, all friends of one another, who stay the same for all tests here."""

from itertools import combinations
from typing import NamedTuple

import pytest

from tests.people import Person, befriend, make_group, newcomer


class Circle(NamedTuple):
    """Who knows whom: everybody everybody."""

    alice: Person
    bob: Person
    carol: Person
    dave: Person


@pytest.fixture(scope="session")
def circle(base_url: str) -> Circle:
    """Making friends costs more than most tests; so it is done once."""
    circle = Circle(*(newcomer(base_url, name) for name in ("Alice", "Bob", "Carol", "Dave")))
    for one, other in combinations(circle, 2):
        befriend(one, other)
    return circle


@pytest.fixture
def alice(circle: Circle) -> Person:
    """The owner of the groups."""
    return circle.alice


@pytest.fixture
def bob(circle: Circle) -> Person:
    """A friend."""
    return circle.bob


@pytest.fixture
def carol(circle: Circle) -> Person:
    """Another friend."""
    return circle.carol


@pytest.fixture
def dave(circle: Circle) -> Person:
    """A friend who is not in the groups yet."""
    return circle.dave


@pytest.fixture
def group(alice: Person, bob: Person, carol: Person) -> int:
    """A new group of Alice's with Bob and Carol."""
    return make_group(alice, bob, carol)
