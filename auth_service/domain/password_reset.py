"""Password reset with a code sent by mail.

Neither the response nor its time reveals whether an address has an account. Every request
adds a row. A background task generates the code, stores its hash, and mails it if the address
has an account.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import delete, select

from auth_service import errors, metrics
from auth_service.clients.mail import MailError, mail
from auth_service.db import db, transaction
from auth_service.domain import emails, passwords, sessions
from auth_service.domain.audit import audit
from auth_service.domain.limits import limits
from auth_service.domain.notifications import Change, notify
from auth_service.domain.sessions import Client
from auth_service.models import Account, ResetCode
from shared.web.errors import ApiError

_LIFETIME = timedelta(minutes=10)
_MAX_VALID = 3
_MAX_TRIES = 50
_MAX_TRIES_OF_ONE = 5
_DIGITS = 8
_SUBJECT = "重置密码 Reset your password"
_TEXT = """\
您的重置密码验证码是：

    {code}

验证码十分钟内有效。如果您没有请求重置密码，请忽略这封邮件，您的密码不会改变。

Your code to reset the password is the number above. It is valid for ten minutes.
If you did not ask for it, please ignore this message: your password stays as it is.
"""
_HTML = """\
<p>您的重置密码验证码是：</p>
<p style="font-size: 1.5em"><strong>{code}</strong></p>
<p>验证码十分钟内有效。如果您没有请求重置密码，请忽略这封邮件，您的密码不会改变。</p>
<p lang="en">Your code to reset the password is the number above. It is valid for ten minutes.
If you did not ask for it, please ignore this message: your password stays as it is.</p>
"""


class _Sealing:
    """The key of the code hashes, so that the database alone does not reveal the codes."""

    def configure(self, secret: SecretStr) -> None:
        """Derive the key from a secret of this service."""
        self._key = hashlib.sha256(b"reset codes" + secret.get_secret_value().encode()).digest()

    def hash(self, email_key: str, code: str) -> str:
        """Hash a code for storage."""
        return hmac.new(self._key, f"{email_key} {code}".encode(), hashlib.sha256).hexdigest()


sealing = _Sealing()


class _Letter(NamedTuple):
    address: str | None
    code: str


def request_code(email: str, client: Client) -> None:
    """Schedule a code for an address. It is sent if the address has an active account.

    Raises:
        ApiError: ``INVALID_EMAIL``, ``TOO_MANY_REQUESTS``.
    """
    key = emails.normalize_email(emails.validate_email(email))
    limits.hit_code(key, client.network)
    with transaction():
        db.session.add(ResetCode(email_key=key, tries={}, created_at=datetime.now(UTC)))


def send_waiting() -> None:
    """Generate and send the requested codes."""
    while (letter := _next_letter()) is not None:
        if letter.address is None:
            continue
        text, html = (template.format(code=letter.code) for template in (_TEXT, _HTML))
        try:
            mail.send(letter.address, _SUBJECT, text, html)
        except MailError:  # The failure is logged; the user can request another code.
            continue
        metrics.codes.inc()


def delete_expired() -> None:
    """Delete expired codes."""
    with transaction():
        expired = ResetCode.created_at < datetime.now(UTC) - _LIFETIME
        db.session.execute(delete(ResetCode).where(expired))


def reset_password(email: str, code: str, password: str, client: Client) -> None:
    """Set another password of an account, and end all of its sessions.

    Raises:
        ApiError: ``INVALID_EMAIL``, ``INVALID_PASSWORD``, ``INVALID_CODE``.
    """
    key = emails.normalize_email(emails.validate_email(email))
    legal_password = passwords.transport.decrypt_password(password)
    if legal_password is None:
        raise ApiError(errors.INVALID_PASSWORD)
    reset_code = _find_code(key, code.strip(), client.network)
    if reset_code is None or reset_code.account_id is None:
        raise ApiError(errors.INVALID_CODE)
    password_hash = passwords.hash_password(legal_password, client.network)
    with transaction():
        account = db.session.get_one(Account, reset_code.account_id, with_for_update=True)
        code_is_unused = void_codes(account.id, reset_code.id)
        if account.deleted or account.email_key != key or not code_is_unused:
            raise ApiError(errors.INVALID_CODE)
        account.password_hash = password_hash
        account.generation += 1
        sessions.end_rows(account.id)
        audit.record("password_reset", account.id, by="mail")
        notify(account, account.email, Change.PASSWORD)
        sessions.publish(account)


def void_codes(account_id: int, code_id: int = 0) -> bool:
    """Delete every code of an account.

    Returns:
        whether the code with this id was among them.
    """
    codes = delete(ResetCode).where(ResetCode.account_id == account_id)
    return code_id in db.session.scalars(codes.returning(ResetCode.id)).all()


def _next_letter() -> _Letter | None:
    """Generate the code that has waited longest; without an address if it is not to be sent."""
    with transaction():
        waiting = (
            select(ResetCode)
            .where(ResetCode.code_hash == "", ResetCode.created_at > datetime.now(UTC) - _LIFETIME)
            .order_by(ResetCode.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row: ResetCode | None = db.session.scalars(waiting).one_or_none()
        if row is None:
            return None
        code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
        row.code_hash = sealing.hash(row.email_key, code)
        active = select(Account).where(Account.email_key == row.email_key, ~Account.deleted)
        account: Account | None = db.session.scalars(active).one_or_none()
        if account is None:
            return _Letter(None, code)
        row.account_id = account.id
        return _Letter(emails.deliverable(account.email), code)


def _find_code(key: str, code: str, network: str) -> ResetCode | None:
    """Find the valid code of an address that matches; otherwise count a failed attempt."""
    with transaction():
        newest = (
            select(ResetCode)
            .where(
                ResetCode.email_key == key,
                ResetCode.code_hash != "",
                ResetCode.created_at > datetime.now(UTC) - _LIFETIME,
            )
            .order_by(ResetCode.id.desc())
            .limit(_MAX_VALID)
            .with_for_update()
        )
        rows: Sequence[ResetCode] = db.session.scalars(newest).all()
        valid = [
            row
            for row in rows
            if sum(row.tries.values()) < _MAX_TRIES
            and row.tries.get(network, 0) < _MAX_TRIES_OF_ONE
        ]
        code_hash = sealing.hash(key, code)
        matching = [row for row in valid if hmac.compare_digest(row.code_hash, code_hash)]
        if matching:
            return matching[0]
        for row in valid:
            row.tries = row.tries | {network: row.tries.get(network, 0) + 1}
    return None
