"""Lookup, validation and deletion of accounts."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, String, bindparam, or_, select
from sqlalchemy.exc import IntegrityError

from auth_service import errors
from auth_service.db import db, transaction
from auth_service.domain import emails, password_reset, passwords, sessions
from auth_service.domain.audit import audit
from auth_service.domain.limits import limits
from auth_service.domain.outbox import STATE_COLUMNS
from auth_service.domain.sessions import UNKNOWN_CLIENT, Client
from auth_service.models import Account
from shared.web.account_state import AccountState
from shared.web.authentication import MAX_ID
from shared.web.errors import INVALID_JWT, ApiError, ErrorSpec

_MAX_NAME_LENGTH = 20
_ROW = select(
    *Account.__table__.columns,
    sessions.used_from(bindparam("network", type_=String)).label("is_known_network"),
)
_WITH_ID = _ROW.where(Account.id == bindparam("id"))
_WITH_EMAIL = _ROW.where(Account.email_key == bindparam("key"))
_ACCOUNT_STATE = select(Account.generation, Account.deleted, Account.session_ends).where(
    Account.id == bindparam("id")
)
_SHOWN = (
    Account.id,
    Account.deleted,
    Account.created_at,
    Account.generation,
    Account.email,
    Account.name,
)


def get_state(account_id: int) -> AccountState | None:
    """Get the state that decides whether tokens are valid; None if the account does not exist."""
    row: Any = db.execute(_ACCOUNT_STATE, id=account_id).first()
    return row and AccountState(row.generation, row.deleted, row.session_ends)


def list_states(account_id: int, limit: int) -> list[dict[str, Any]]:
    """List the states of the next ``limit`` accounts by id."""
    page = select(*STATE_COLUMNS).where(Account.id > account_id).order_by(Account.id).limit(limit)
    return [dict(row) for row in db.session.execute(page).mappings()]


def get_states(account_ids: Collection[int]) -> list[dict[str, Any]]:
    """List the states of those of these accounts that exist."""
    states = db.session.execute(select(*STATE_COLUMNS).where(Account.id.in_(account_ids)))
    return [dict(row) for row in states.mappings()]


def delete(account_id: int) -> None:
    """Mark the account as deleted, which invalidates its tokens."""
    with transaction():
        account = db.session.get_one(Account, account_id, with_for_update=True)
        if account.deleted:
            raise ApiError(INVALID_JWT)
        account.deleted = True
        account.generation += 1
        sessions.end_rows(account_id)
        audit.record("deleted", account_id)
        save_and_publish(account)


def reset_password(account_id: int, password: str) -> None:
    """Set another password of an active account, and invalidate its tokens.

    All tokens end, because the owner may have lost control of more than the password.
    """
    legal_password = validate_password(password, errors.INVALID_PASSWORD)
    password_hash = passwords.hash_password(legal_password, UNKNOWN_CLIENT.network)
    with transaction():
        account = db.session.get_one(Account, account_id, with_for_update=True)
        if account.deleted:
            raise ApiError(errors.USER_DELETED)
        account.password_hash = password_hash
        account.generation += 1
        sessions.end_rows(account_id)
        password_reset.void_codes(account_id)
        audit.record("password_reset", account_id)
        save_and_publish(account)


def get_account(id_or_email: str) -> dict[str, Any]:
    """Get an account by id or e-mail for an operator, without its secrets."""
    number = id_or_email.isdecimal() and int(id_or_email) <= MAX_ID
    condition = (
        Account.id == int(id_or_email)
        if number
        else Account.email_key == emails.normalize_email(id_or_email)
    )
    account = db.session.execute(select(*_SHOWN).where(condition)).mappings().first()
    if account is None:
        raise ApiError(errors.USER_NOT_FOUND)
    return dict(account)


def list_accounts(
    after: int, limit: int, *, containing: str = "", deleted: bool | None = None
) -> list[dict[str, Any]]:
    """List the next accounts by id for an operator.

    Args:
        after: only accounts with a greater id.
        limit: the maximum number.
        containing: a part of the name or e-mail, in any case.
        deleted: only deleted or only active accounts; None: both.
    """
    wanted = select(*_SHOWN).where(Account.id > after).order_by(Account.id).limit(limit)
    if containing:
        columns = (Account.email_key, Account.name)
        wanted = wanted.where(or_(*(c.icontains(containing, autoescape=True) for c in columns)))
    if deleted is not None:
        wanted = wanted.where(Account.deleted == deleted)
    return [dict(account) for account in db.session.execute(wanted).mappings()]


def get_by_id(account_id: int, client: Client) -> Row[Any]:
    """The account of this id, which must exist."""
    return db.execute(_WITH_ID, id=account_id, network=client.network).one()


def get_by_email(email: str, client: Client) -> Row[Any] | None:
    """The account that has this e-mail, if there is one."""
    return db.execute(
        _WITH_EMAIL, key=emails.normalize_email(email), network=client.network
    ).first()


def require_password(account: Row[Any], password: str, client: Client, error: ErrorSpec) -> None:
    """Raise an error unless the password is that of the account."""
    is_known = account.is_known_network
    with limits.password_attempt(account.email_key, client.network, is_known=is_known):
        if not passwords.verify_password(account.password_hash, password, client.network):
            raise ApiError(error)


def save_and_publish(account: Account) -> None:
    """Write the account's new state, and add its event to the outbox."""
    flush()
    sessions.publish(account)


def flush() -> None:
    """Flush pending changes; an e-mail of another account raises an error."""
    try:
        db.session.flush()
    except IntegrityError:  # Two requests wanted the same address at the same time.
        raise ApiError(errors.USER_EXISTS) from None


def validate_name(name: str) -> str:
    """The name, if it is one that an account may have."""
    if not 1 <= len(name) <= _MAX_NAME_LENGTH:
        raise ApiError(errors.NAME_TOO_LONG)
    return name


def validate_password(sent: str, error: ErrorSpec) -> str:
    """The password that was sent, decrypted; ``error`` if it cannot be."""
    password = passwords.transport.decrypt_password(sent)
    if password is None:
        raise ApiError(error)
    return password
