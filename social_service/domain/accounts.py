"""Who there is: our copy of the accounts, and lists with people in them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute

from shared.data.accounts import AccountReplica
from social_service.db import AnyRow, db
from social_service.models import Account

accounts = AccountReplica(db, Account)


def are_active(*account_ids: int) -> bool:
    """Whether there are all these accounts and none of them is deleted."""
    found = accounts.find(account_ids)
    return all(id_ in found and not found[id_].deleted for id_ in account_ids)


def join_accounts(
    rows: Select[*tuple[Any, ...]], person_id: ColumnElement[int] | InstrumentedAttribute[int]
) -> Select[*tuple[Any, ...]]:
    """``rows``, each beside the account that its ``person_id`` names, for `fetch_with_accounts`."""
    return rows.add_columns(
        person_id.label("id"),
        Account.name,
        Account.email,
        Account.avatar_digest,
        Account.avatar_reference,
        Account.deleted,
    ).outerjoin(Account, Account.id == person_id)


def fetch_with_accounts(query: Select[*tuple[Any, ...]], **values: Any) -> Sequence[AnyRow]:
    """The rows of a query that `join_accounts` made.

    It is run once; only if the copy lacks some of the accounts are they asked of auth and the
    query repeated. Rows of accounts that exist nowhere are left out.
    """
    found = db.run(query, **values).all()
    missing = {row.id for row in found if row.name is None}
    if missing and accounts.find(missing):
        found = db.run(query, **values).all()
    return [row for row in found if row.name is not None] if missing else found
