"""Reading and updating the profile of an account."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from auth_service import errors
from auth_service.clients.mail import mail
from auth_service.db import db, transaction
from auth_service.domain import accounts, avatars, emails, password_reset, passwords, sessions
from auth_service.domain.audit import audit
from auth_service.domain.avatars import Avatar
from auth_service.domain.limits import limits
from auth_service.domain.notifications import Change, notify
from auth_service.domain.registration import registration
from auth_service.domain.sessions import UNKNOWN_CLIENT, Client
from auth_service.models import Account
from shared.web.account_state import AccountState, has_ended
from shared.web.authentication import Claims, check_account
from shared.web.errors import INVALID_JWT, ApiError, bad_parameter

_MAX_USER_INFO_LENGTH = 255


def get_profile(account_id: int) -> dict[str, Any]:
    """Get the profile of the account, with the original avatar."""
    account = accounts.get_by_id(account_id, UNKNOWN_CLIENT)
    check_account(AccountState(account.generation, account.deleted, account.session_ends))
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "user_info": account.user_info,
        "avatar": avatars.get_original(account.id, _avatar_of(account)),
        "deleted": account.deleted,
    }


def update_profile(
    claims: Claims, origin_password: str, client: Client, wanted: dict[str, str | None]
) -> None:
    """Update the profile atomically; ``None`` leaves a field unchanged.

    A new password ends every other session.
    """
    before = accounts.get_by_id(claims.user_id, client)
    accounts.require_password(before, origin_password, client, errors.WRONG_PASSWORD)
    if _is_same_password(wanted.get("password"), origin_password):
        del wanted["password"]
    changes: dict[str, Any] = {}
    for field, columns in _FIELD_HANDLERS.items():
        sent = wanted.get(field)
        if sent is not None:
            changes |= columns(before, sent, client)
    with transaction():
        account = _locked_as_before(before, claims)
        replaced, address = account.avatar_digest, account.email
        for column, value in changes.items():
            setattr(account, column, value)
        if not db.session.is_modified(account):
            return
        accounts.flush()  # Before any query, which would flush and raise a database error instead.
        if "password_hash" in changes:
            sessions.end_others(account, claims)
        _report_changes(account, address, changes)
        accounts.save_and_publish(account)
        if replaced != account.avatar_digest:
            db.after_commit(lambda: avatars.delete_avatar(before.id, replaced))
        if address != account.email:  # A later erasure does not know the former address.
            db.after_commit(lambda: mail.delete_written(emails.deliverable(address)))


def _report_changes(account: Account, address: str, changes: dict[str, Any]) -> None:
    """Audit and mail a new password or e-mail, and delete codes sent to the former address."""
    if "password_hash" in changes:
        audit.record("password_changed", account.id)
        notify(account, address, Change.PASSWORD)
    if account.email != address:
        audit.record("email_changed", account.id, email=address)
        notify(account, address, Change.EMAIL)
    if account.email != address or "password_hash" in changes:
        password_reset.void_codes(account.id)


def _locked_as_before(before: Row[Any], claims: Claims) -> Account:
    """Lock the account for the transaction, unless the token or password became invalid."""
    account: Account = db.session.get_one(Account, before.id, with_for_update=True)
    if (account.generation, account.deleted) != (before.generation, False):
        raise ApiError(INVALID_JWT)
    if has_ended(claims, account.session_ends):
        raise ApiError(INVALID_JWT)
    if account.password_hash != before.password_hash:
        raise ApiError(errors.WRONG_PASSWORD)
    return account


def _is_same_password(sent: str | None, proved: str) -> bool:
    decrypt_password = passwords.transport.decrypt_password
    return sent is not None and decrypt_password(sent) == decrypt_password(proved)


def _new_name(_before: Row[Any], sent: str, _client: Client) -> dict[str, Any]:
    return {"name": accounts.validate_name(sent)}


def _new_email(before: Row[Any], sent: str, _client: Client) -> dict[str, Any]:
    email = emails.validate_email(sent)
    if emails.normalize_email(email) != before.email_key:
        limits.email_checks.hit(str(before.id))
    if not registration.allows_change(before.email, email):
        raise ApiError(errors.REGISTRATION_CLOSED)
    owner = accounts.get_by_email(email, UNKNOWN_CLIENT)
    if owner is not None and owner.id != before.id:
        raise ApiError(errors.USER_EXISTS)
    return {"email": email, "email_key": emails.normalize_email(email)}


def _new_password(_before: Row[Any], sent: str, client: Client) -> dict[str, Any]:
    legal_password = accounts.validate_password(sent, errors.INVALID_PASSWORD)
    return {"password_hash": passwords.hash_password(legal_password, client.network)}


def _new_user_info(_before: Row[Any], sent: str, _client: Client) -> dict[str, Any]:
    if len(sent) > _MAX_USER_INFO_LENGTH:
        raise bad_parameter("user_info")
    return {"user_info": sent}


def _new_avatar(before: Row[Any], sent: str, _client: Client) -> dict[str, Any]:
    shown = avatars.save_avatar(before.id, _avatar_of(before), sent)
    return {"avatar_digest": shown.digest, "avatar_reference": shown.reference} if shown else {}


def _avatar_of(account: Row[Any]) -> Avatar:
    return Avatar(account.avatar_digest, account.avatar_reference)


# In the order of validation: the first invalid field decides the error.
_FIELD_HANDLERS: dict[str, Callable[[Row[Any], str, Client], dict[str, Any]]] = {
    "name": _new_name,
    "email": _new_email,
    "password": _new_password,
    "user_info": _new_user_info,
    "avatar": _new_avatar,
}
