"""Registering, signing in, and what an account says of itself."""

from datetime import UTC, datetime

from sqlalchemy import select

from auth_service import errors
from auth_service.db import db, transaction
from auth_service.domain.outbox import account_changed, outbox
from auth_service.models import Account
from shared.errors import ApiError
from shared.identity import AccountState


def state_of(account_id: int) -> AccountState | None:
    """What decides whether the account's tokens work, or None if there is no such account."""
    row = db.session.execute(
        select(Account.generation, Account.deleted).where(Account.id == account_id)
    ).first()
    return row and AccountState(row.generation, row.deleted)


def register(email: str, name: str, password: str) -> int:
    with transaction() as session:
        new_id: int | None = session.execute(
            db.insert(Account)
            .values(
                email=email,
                email_key=email.lower(),
                name=name,
                password_hash=password,
                created_at=datetime.now(UTC),
            )
            .on_conflict_do_nothing(index_elements=["email_key"])
            .returning(Account.id)
        ).scalar()
        if new_id is None:
            raise ApiError(errors.USER_EXISTS)
        outbox.add(session, account_changed(session.get_one(Account, new_id)))
    return new_id
