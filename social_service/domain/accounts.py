"""The copy of the accounts, and lists joined with accounts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute

from shared.data.accounts import AccountReplica
from social_service.db import AnyRow, db
from social_service.models import Account

accounts = AccountReplica(db, Account)


def are_active(*account_ids: int) -> bool:
    """Whether all these accounts exist and none of them is deleted."""
    rows = accounts.get_many(account_ids)
    return all(id_ in rows and not rows[id_].deleted for id_ in account_ids)


def join_accounts(
    rows: Select[*tuple[Any, ...]], person_id: ColumnElement[int] | InstrumentedAttribute[int]
) -> Select[*tuple[Any, ...]]:
    """Join ``rows`` with the accounts of their ``person_id``, for `fetch_with_accounts`."""
    return rows.add_columns(
        person_id.label("id"),
        Account.name,
        Account.email,
        Account.avatar_digest,
        Account.avatar_reference,
        Account.deleted,
    ).outerjoin(Account, Account.id == person_id)


def fetch_with_accounts(query: Select[*tuple[Any, ...]], **values: Any) -> Sequence[AnyRow]:
    """Fetch the rows of a query made by `join_accounts`.

    The query runs once. If the copy lacks accounts, they are fetched from auth and the query
    runs again. Rows of accounts that do not exist are left out. One of `with_caller` also checks
    the caller's account.
    """
    rows = accounts.execute_for_caller(query, **values)
    missing = {row.id for row in rows if row.name is None}
    if missing and accounts.get_many(missing):
        rows = db.execute(query, **values).all()
    return [row for row in rows if row.name is not None] if missing else rows
