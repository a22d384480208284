"""Signing in with e-mail and password."""

from typing import NamedTuple

from auth_service import errors, metrics
from auth_service.db import db, transaction
from auth_service.domain import accounts, emails, passwords, sessions
from auth_service.domain.audit import audit
from auth_service.domain.limits import limits
from auth_service.domain.sessions import Client
from auth_service.models import Account
from shared.web.errors import ApiError


class AuthenticatedAccount(NamedTuple):
    """An account that has just authenticated, for which a token is issued."""

    id: int
    generation: int
    session_id: int


def login(email: str, password: str, client: Client) -> AuthenticatedAccount:
    """Sign in with e-mail and password."""
    email = emails.validate_email(email)
    account = accounts.get_by_email(email, client)
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
    with transaction():
        now = db.session.get_one(Account, account.id, with_for_update=True)
        if now.deleted:
            raise ApiError(errors.USER_DELETED)
        if now.password_hash != account.password_hash:
            raise ApiError(errors.WRONG_PASSWORD)
        db.after_commit(metrics.logins.inc)
        signed_in = sign_in(now, client)
        audit.record("signed_in", now.id, actor_id=now.id, session_id=signed_in.session_id)
        return signed_in


def sign_in(account: Account, client: Client) -> AuthenticatedAccount:
    """Begin a session of the account."""
    session_id = sessions.begin_session(account, client)
    return AuthenticatedAccount(account.id, account.generation, session_id)


def _record_failed_login(account_id: int | None, reason: str) -> None:
    metrics.failed_logins.labels(reason).inc()
    with transaction():
        audit.record("sign_in_failed", account_id, reason=reason)
