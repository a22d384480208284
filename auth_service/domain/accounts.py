"""Registering, signing in, and what an account says of itself."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, String, bindparam, or_, select
from sqlalchemy.exc import IntegrityError

from auth_service import errors, metrics
from auth_service.clients.mail import mail
from auth_service.db import db, transaction
from auth_service.domain import avatars, emails, passwords, resetting, sessions
from auth_service.domain.audit import audit
from auth_service.domain.avatars import Avatar
from auth_service.domain.limits import limits
from auth_service.domain.notifications import Change, notify
from auth_service.domain.outbox import STATE, account_changed, outbox
from auth_service.domain.registration import registration
from auth_service.domain.sessions import NOBODY, Client
from auth_service.models import Account
from shared.web.authentication import MAX_ID, AccountState, Claims, has_ended
from shared.web.errors import INVALID_JWT, ApiError, ErrorSpec, bad_parameter

_MAX_NAME_LENGTH = 20
_MAX_USER_INFO_LENGTH = 255
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


class AuthenticatedAccount(NamedTuple):
    """An account that has just proved who it is, and so gets a token."""

    id: int
    generation: int
    session_id: int


class RegistrationResult(NamedTuple):
    """Whom a registration has signed in, and whether the account had been deleted before."""

    account: AuthenticatedAccount
    restored: bool


def state_of(account_id: int) -> AccountState | None:
    """What decides whether the account's tokens work, or None if there is no such account."""
    row: Any = db.run(_ACCOUNT_STATE, id=account_id).first()
    return row and AccountState(row.generation, row.deleted, row.session_ends)


def list_states(account_id: int, limit: int) -> list[dict[str, Any]]:
    """The states of the next ``limit`` accounts by id."""
    page = select(*STATE).where(Account.id > account_id).order_by(Account.id).limit(limit)
    return [dict(row) for row in db.session.execute(page).mappings()]


def get_states(account_ids: Collection[int]) -> list[dict[str, Any]]:
    """The states of those of these accounts that exist."""
    found = db.session.execute(select(*STATE).where(Account.id.in_(account_ids)))
    return [dict(row) for row in found.mappings()]


def register(email: str, name: str, password: str, client: Client) -> RegistrationResult:
    """Make an account, or restore the deleted one that has this e-mail and this password."""
    email = emails.checked(email)
    name = _validate_name(name)
    legal_password = _validate_password(password, errors.PASSWORD_ILLEGAL)
    limits.registrations.hit(client.network)
    known = _get_by_email(email, client)
    is_allowed = registration.allows(email)
    if known is None:
        if not is_allowed:
            raise ApiError(errors.REGISTRATION_CLOSED)
        password_hash = passwords.hash_password(legal_password, client.network)
        with transaction() as session:
            account = _add(session, email, name, password_hash)
            audit.record(session, "registered", account.id, actor_id=account.id)
            return RegistrationResult(_sign_in(session, account, client), restored=False)
    # Otherwise whoever knows an address could take over what was deleted.
    refusal = errors.USER_EXISTS if is_allowed else errors.REGISTRATION_CLOSED
    if not known.deleted:
        raise ApiError(refusal)
    _require_password(known, password, client, refusal)
    with transaction() as session:
        account = _restore(session, known, email, name)
        audit.record(session, "restored", account.id, actor_id=account.id)
        return RegistrationResult(_sign_in(session, account, client), restored=True)


def create(email: str, name: str, password: str) -> int:
    """Make an account for somebody, as operators do: any number of them.

    Returns:
        its id.
    """
    email = emails.checked(email)
    name = _validate_name(name)
    legal_password = _validate_password(password, errors.PASSWORD_ILLEGAL)
    password_hash = passwords.hash_password(legal_password)
    with transaction() as session:
        account = _add(session, email, name, password_hash)
        audit.record(session, "registered", account.id)
        return account.id


def login(email: str, password: str, client: Client) -> AuthenticatedAccount:
    """Sign in with e-mail and password."""
    email = emails.checked(email)
    account = _get_by_email(email, client)
    is_known = account is not None and account.is_known_network
    with limits.password_attempt(emails.normalize_email(email), client.network, is_known=is_known):
        if account is None:
            _record_failed_login(None, "unknown")
            raise ApiError(errors.USER_NOT_FOUND)
        if account.deleted:
            _record_failed_login(account.id, "deleted")
            raise ApiError(errors.USER_DELETED)
        if not passwords.verify_password(account.password_hash, password, client.network):
            _record_failed_login(account.id, "password")
            raise ApiError(errors.WRONG_PASSWORD)
    with transaction() as session:
        now = session.get_one(Account, account.id, with_for_update=True)
        if now.deleted:
            raise ApiError(errors.USER_DELETED)
        if now.password_hash != account.password_hash:
            raise ApiError(errors.WRONG_PASSWORD)
        db.after_commit(metrics.logins.inc)
        signed_in = _sign_in(session, now, client)
        audit.record(session, "signed_in", now.id, actor_id=now.id, session_id=signed_in.session_id)
        return signed_in


def delete(account_id: int) -> None:
    """Mark the account as deleted, which ends its tokens."""
    with transaction() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        if account.deleted:
            raise ApiError(INVALID_JWT)
        account.deleted = True
        account.generation += 1
        sessions.end_rows(session, account_id)
        audit.record(session, "deleted", account_id)
        _save_and_publish(session, account)


def reactivate(account_id: int) -> None:
    """Undo a deletion, which an erased account does not bring back. Older tokens stay dead."""
    account = _get_by_id(account_id, NOBODY)
    if not account.email:
        raise ApiError(errors.USER_NOT_FOUND)
    if account.deleted:
        with transaction() as session:
            _restore(session, account, account.email, account.name)
            audit.record(session, "restored", account_id)


def reset_password(account_id: int, password: str) -> None:
    """Give an active account another password, and end its tokens.

    Unlike somebody who changes it themselves, who asks for this may have lost more than a password.
    """
    password_hash = passwords.hash_password(_validate_password(password, errors.INVALID_PASSWORD))
    with transaction() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        if account.deleted:
            raise ApiError(errors.USER_DELETED)
        account.password_hash = password_hash
        account.generation += 1
        sessions.end_rows(session, account_id)
        resetting.void_codes(session, account_id)
        audit.record(session, "password_reset", account_id)
        _save_and_publish(session, account)


def found(who: str) -> dict[str, Any]:
    """An account by its id or its e-mail, as operators see it: without its secrets."""
    number = who.isdecimal() and int(who) <= MAX_ID
    condition = (
        Account.id == int(who) if number else Account.email_key == emails.normalize_email(who)
    )
    account = db.session.execute(select(*_SHOWN).where(condition)).mappings().first()
    if account is None:
        raise ApiError(errors.USER_NOT_FOUND)
    return dict(account)


def page(
    after: int, limit: int, *, containing: str = "", deleted: bool | None = None
) -> list[dict[str, Any]]:
    """The next accounts by id, as operators see them.

    Args:
        after: the id before the first one.
        limit: how many at most.
        containing: what name or e-mail contain, without regard to case.
        deleted: only those that are, or that are not.
    """
    wanted = select(*_SHOWN).where(Account.id > after).order_by(Account.id).limit(limit)
    if containing:
        columns = (Account.email_key, Account.name)
        wanted = wanted.where(or_(*(c.icontains(containing, autoescape=True) for c in columns)))
    if deleted is not None:
        wanted = wanted.where(Account.deleted == deleted)
    return [dict(account) for account in db.session.execute(wanted).mappings()]


def info(account_id: int) -> dict[str, Any]:
    """What the account says of itself, the avatar exactly as it was put."""
    account = _get_by_id(account_id, NOBODY)
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "user_info": account.user_info,
        "avatar": avatars.get_original(account.id, _avatar_of(account)),
        "deleted": account.deleted,
    }


def change(
    claims: Claims, origin_password: str, client: Client, wanted: dict[str, str | None]
) -> None:
    """Change what is wanted, all of it or nothing; ``None`` leaves something as it is.

    Another password ends every other session.
    """
    before = _get_by_id(claims.user_id, client)
    _require_password(before, origin_password, client, errors.WRONG_PASSWORD)
    if _is_same_password(wanted.get("password"), origin_password):
        del wanted["password"]
    changes: dict[str, Any] = {}
    for field, columns in _FIELD_HANDLERS.items():
        sent = wanted.get(field)
        if sent is not None:
            changes |= columns(before, sent)
    with transaction() as session:
        account = _locked_as_before(session, before, claims)
        replaced, address = account.avatar_digest, account.email
        for column, value in changes.items():
            setattr(account, column, value)
        if not session.is_modified(account):
            return
        _flush(session)  # Before anything is queried, which would flush without the refusal.
        if "password_hash" in changes:
            sessions.end_others(session, account, claims)
        _report_changes(session, account, address, changes)
        _save_and_publish(session, account)
        if replaced != account.avatar_digest:
            db.after_commit(lambda: avatars.forget(before.id, replaced))
        if address != account.email:  # Erasing the account would not know it any more.
            db.after_commit(lambda: mail.forget(emails.deliverable(address)))


def _report_changes(session: Any, account: Account, address: str, changes: dict[str, Any]) -> None:
    """Record and announce another password or e-mail, and void what was sent to the old one."""
    if "password_hash" in changes:
        audit.record(session, "password_changed", account.id)
        notify(session, account, address, Change.PASSWORD)
    if account.email != address:
        audit.record(session, "email_changed", account.id, email=address)
        notify(session, account, address, Change.EMAIL)
    if account.email != address or "password_hash" in changes:
        resetting.void_codes(session, account.id)


def _record_failed_login(account_id: int | None, reason: str) -> None:
    metrics.failed_logins.labels(reason).inc()
    with transaction() as session:
        audit.record(session, "sign_in_failed", account_id, reason=reason)


def _locked_as_before(session: Any, before: Row[Any], claims: Claims) -> Account:
    """The account, held until the transaction ends, unless token or password ended meanwhile."""
    account: Account = session.get_one(Account, before.id, with_for_update=True)
    if (account.generation, account.deleted) != (before.generation, False):
        raise ApiError(INVALID_JWT)
    if has_ended(claims, account.session_ends):
        raise ApiError(INVALID_JWT)
    if account.password_hash != before.password_hash:
        raise ApiError(errors.WRONG_PASSWORD)
    return account


def _require_password(
    account: Row[Any], password: str, client: Client, otherwise: ErrorSpec
) -> None:
    """Refuse whoever does not know the account's password."""
    is_known = account.is_known_network
    with limits.password_attempt(account.email_key, client.network, is_known=is_known):
        if not passwords.verify_password(account.password_hash, password, client.network):
            raise ApiError(otherwise)


def _is_same_password(sent: str | None, proved: str) -> bool:
    decrypt_password = passwords.transport.decrypt_password
    return sent is not None and decrypt_password(sent) == decrypt_password(proved)


def _sign_in(session: Any, account: Account, client: Client) -> AuthenticatedAccount:
    session_id = sessions.begin_session(session, account, client)
    return AuthenticatedAccount(account.id, account.generation, session_id)


def _add(session: Any, email: str, name: str, password_hash: str) -> Account:
    new_id: int | None = session.execute(
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
    account: Account = session.get_one(Account, new_id)
    outbox.add(session, account_changed(account))
    db.after_commit(metrics.registrations.inc)
    return account


def _restore(session: Any, known: Row[Any], email: str, name: str) -> Account:
    account: Account = session.get_one(Account, known.id, with_for_update=True)
    # Its password was looked at before it was locked: somebody else may have been faster.
    if not account.deleted or account.generation != known.generation:
        raise ApiError(errors.USER_EXISTS)
    account.deleted = False
    account.email = email
    account.name = name
    _save_and_publish(session, account)
    db.after_commit(metrics.registrations.inc)
    return account


def _save_and_publish(session: Any, account: Account) -> None:
    """Write the account's new state, and tell the other services of it."""
    _flush(session)
    sessions.publish(session, account)


def _flush(session: Any) -> None:
    try:
        session.flush()
    except IntegrityError:  # Two wanted the same address at the same time.
        raise ApiError(errors.USER_EXISTS) from None


def _get_by_id(account_id: int, client: Client) -> Row[Any]:
    found = db.run(_WITH_ID, id=account_id, network=client.network).one()
    db.release()  # No connection is held while a password or the store is looked at.
    return found


def _get_by_email(email: str, client: Client) -> Row[Any] | None:
    found = db.run(_WITH_EMAIL, key=emails.normalize_email(email), network=client.network).first()
    db.release()
    return found


def _validate_name(name: str) -> str:
    if not 1 <= len(name) <= _MAX_NAME_LENGTH:
        raise ApiError(errors.NAME_TOO_LONG)
    return name


def _validate_password(sent: str, otherwise: ErrorSpec) -> str:
    password = passwords.transport.decrypt_password(sent)
    if password is None:
        raise ApiError(otherwise)
    return password


def _new_name(_before: Row[Any], sent: str) -> dict[str, Any]:
    return {"name": _validate_name(sent)}


def _new_email(before: Row[Any], sent: str) -> dict[str, Any]:
    email = emails.checked(sent)
    if emails.normalize_email(email) != before.email_key:
        limits.email_checks.hit(str(before.id))
    if not registration.allows_change(before.email, email):
        raise ApiError(errors.REGISTRATION_CLOSED)
    owner = _get_by_email(email, NOBODY)
    if owner is not None and owner.id != before.id:
        raise ApiError(errors.USER_EXISTS)
    return {"email": email, "email_key": emails.normalize_email(email)}


def _new_password(_before: Row[Any], sent: str) -> dict[str, Any]:
    return {
        "password_hash": passwords.hash_password(_validate_password(sent, errors.INVALID_PASSWORD))
    }


def _new_user_info(_before: Row[Any], sent: str) -> dict[str, Any]:
    if len(sent) > _MAX_USER_INFO_LENGTH:
        raise bad_parameter("user_info")
    return {"user_info": sent}


def _new_avatar(before: Row[Any], sent: str) -> dict[str, Any]:
    shown = avatars.put(before.id, _avatar_of(before), sent)
    return {"avatar_digest": shown.digest, "avatar_reference": shown.reference} if shown else {}


def _avatar_of(account: Row[Any]) -> Avatar:
    return Avatar(account.avatar_digest, account.avatar_reference)


# The first that does not fit is the one that is refused.
_FIELD_HANDLERS: dict[str, Callable[[Row[Any], str], dict[str, Any]]] = {
    "name": _new_name,
    "email": _new_email,
    "password": _new_password,
    "user_info": _new_user_info,
    "avatar": _new_avatar,
}
