"""Profiles of users in responses and frames."""

from collections.abc import Mapping
from typing import NamedTuple

from chat_service.domain.accounts import Person
from shared.data.accounts import avatar_url


class PersonOut(NamedTuple):
    """A name, and as ``avatar`` a URL, the reference that the user set, or ``""``."""

    name: str
    avatar: str


def person_out(person: Person, base: str) -> PersonOut:
    """Build the profile of an account, with URLs on ``base``."""
    avatar = avatar_url(base, person.id, person.avatar_digest, person.avatar_reference)
    return PersonOut(person.name, avatar)


def people_out(people: Mapping[int, Person], base: str) -> dict[int, PersonOut]:
    """Build the profiles of accounts, by id."""
    return {person_id: person_out(person, base) for person_id, person in people.items()}
