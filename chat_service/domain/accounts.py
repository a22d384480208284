"""The copy of the accounts, and their public profiles."""

from collections.abc import Collection
from typing import Any, NamedTuple

from chat_service.db import db
from chat_service.models import Account
from shared.data.accounts import AccountReplica

accounts = AccountReplica(db, Account)


class Person(NamedTuple):
    """The profile of an account: its name, and its avatar as a stored image or as a reference."""

    id: int
    name: str
    avatar_digest: str
    avatar_reference: str


def get_people(account_ids: Collection[int]) -> dict[int, Person]:
    """Get the profiles of accounts, by id. An unknown account has an empty profile.

    Must not be called inside a transaction: it requests unknown accounts from the auth service.
    """
    people = {account_id: Person(account_id, "", "", "") for account_id in account_ids}
    for account in accounts.get_many(account_ids).values():
        people[account.id] = to_person(account)
    return people


def to_person(account: Any) -> Person:
    """Convert a row with the columns of an account to its profile."""
    return Person(account.id, account.name, account.avatar_digest, account.avatar_reference)
