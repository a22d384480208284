"""The copied accounts, and how they are shown."""

from collections.abc import Collection
from typing import Any, NamedTuple

from chat_service.db import db
from chat_service.models import Account
from shared.data.accounts import AccountReplica

accounts = AccountReplica(db, Account)


class Person(NamedTuple):
    """How an account is shown: its name, and its picture or what was put instead of one."""

    id: int
    name: str
    avatar_digest: str
    avatar_reference: str


def get_people(account_ids: Collection[int]) -> dict[int, Person]:
    """The accounts of these ids, by id; one that cannot be found has no name and no picture.

    Must not be called inside a transaction: it may have to ask auth.

    Args:
        account_ids: which accounts, in one query.
    """
    people = {account_id: Person(account_id, "", "", "") for account_id in account_ids}
    for account in accounts.get_many(account_ids).values():
        people[account.id] = to_person(account)
    return people


def to_person(account: Any) -> Person:
    """How an account is shown, by a row of it."""
    return Person(account.id, account.name, account.avatar_digest, account.avatar_reference)
