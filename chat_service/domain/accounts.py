"""The copied accounts: who exists, what they are called, what they look like."""

from collections.abc import Collection
from typing import NamedTuple

from chat_service.db import db
from chat_service.models import Account
from shared.data.accounts import AccountReplica, avatar_url

accounts = AccountReplica(db, Account)


class Person(NamedTuple):
    """How somebody is shown in lists; ``avatar`` is a URL, a reference of their own, or ``""``."""

    name: str
    avatar: str


def people(account_ids: Collection[int], base: str) -> dict[int, Person]:
    """Everybody of these ids, by id; who cannot be found is shown without name and picture.

    Must not be called inside a transaction: it may have to ask auth.

    Args:
        account_ids: whom to look up, in one query.
        base: the public base of the request.
    """
    found = accounts.find(account_ids)
    return dict.fromkeys(account_ids, Person("", "")) | {
        account.id: person(
            base, account.id, account.name, account.avatar_digest, account.avatar_reference
        )
        for account in found.values()
    }


def person(base: str, account_id: int, name: str, digest: str, reference: str) -> Person:
    """How an account is shown, of these columns of it."""
    return Person(name, avatar_url(base, account_id, digest, reference))
