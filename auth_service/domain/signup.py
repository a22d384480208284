"""Registration, and restore of deleted accounts."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from auth_service import errors, metrics
from auth_service.db import db, transaction
from auth_service.domain import accounts, emails, passwords
from auth_service.domain.audit import audit
from auth_service.domain.authentication import AuthenticatedAccount, sign_in
from auth_service.domain.limits import limits
from auth_service.domain.outbox import account_changed, outbox
from auth_service.domain.registration import registration
from auth_service.domain.sessions import UNKNOWN_CLIENT, Client
from auth_service.models import Account
from shared.web.errors import ApiError


class RegistrationResult(NamedTuple):
    """The account of a registration, and whether a deleted one was restored."""

    account: AuthenticatedAccount
    restored: bool


def register(email: str, name: str, password: str, client: Client) -> RegistrationResult:
    """Create an account, or restore the deleted one with this e-mail and password."""
    email = emails.validate_email(email)
    name = accounts.validate_name(name)
    legal_password = accounts.validate_password(password, errors.PASSWORD_ILLEGAL)
    limits.registrations.hit(client.network)
    known = accounts.get_by_email(email, client)
    is_allowed = registration.allows(email)
    if known is None:
        if not is_allowed:
            raise ApiError(errors.REGISTRATION_CLOSED)
        password_hash = passwords.hash_password(legal_password, client.network)
        with transaction():
            account = _add(email, name, password_hash)
            audit.record("registered", account.id, actor_id=account.id)
            return RegistrationResult(sign_in(account, client), restored=False)
    # The password is required, or a stranger could take over a deleted account by its address.
    refusal = errors.USER_EXISTS if is_allowed else errors.REGISTRATION_CLOSED
    if not known.deleted:
        raise ApiError(refusal)
    accounts.require_password(known, password, client, refusal)
    with transaction():
        account = _restore(known, email, name)
        audit.record("restored", account.id, actor_id=account.id)
        return RegistrationResult(sign_in(account, client), restored=True)


def create(email: str, name: str, password: str) -> int:
    """Create an account for an operator, without rate limits.

    Returns:
        the account's id.
    """
    email = emails.validate_email(email)
    name = accounts.validate_name(name)
    legal_password = accounts.validate_password(password, errors.PASSWORD_ILLEGAL)
    password_hash = passwords.hash_password(legal_password, UNKNOWN_CLIENT.network)
    with transaction():
        account = _add(email, name, password_hash)
        audit.record("registered", account.id)
        return account.id


def reactivate(account_id: int) -> None:
    """Restore a deleted account unless it is erased. Earlier tokens stay invalid."""
    account = accounts.get_by_id(account_id, UNKNOWN_CLIENT)
    if not account.email:
        raise ApiError(errors.USER_NOT_FOUND)
    if account.deleted:
        with transaction():
            _restore(account, account.email, account.name)
            audit.record("restored", account_id)


def _add(email: str, name: str, password_hash: str) -> Account:
    new_id: int | None = db.session.execute(
        db.insert(Account)
        .values(
            email=email,
            email_key=emails.normalize_email(email),
            name=name,
            password_hash=password_hash,
            created_at=datetime.now(UTC),
        )
        .on_conflict_do_nothing(index_elements=["email_key"])
        .returning(Account.id)
    ).scalar()
    if new_id is None:
        raise ApiError(errors.USER_EXISTS)
    account: Account = db.session.get_one(Account, new_id)
    outbox.add(account_changed(account))
    db.after_commit(metrics.registrations.inc)
    return account


def _restore(known: Row[Any], email: str, name: str) -> Account:
    account: Account = db.session.get_one(Account, known.id, with_for_update=True)
    # The password was verified before the lock: a concurrent request may have changed it.
    if not account.deleted or account.generation != known.generation:
        raise ApiError(errors.USER_EXISTS)
    account.deleted = False
    account.email = email
    account.name = name
    accounts.save_and_publish(account)
    db.after_commit(metrics.registrations.inc)
    return account
