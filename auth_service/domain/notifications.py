"""Mails that notify the owner of an account of a new password or e-mail address.

They are sent to the previous address, so that owners learn of changes by others. A change
adds rows in its transaction; a background task sends them.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import delete, select

from auth_service.clients.mail import MailError, mail
from auth_service.db import db, transaction
from auth_service.domain import emails
from auth_service.models import Account, Notification

_MAX_ATTEMPTS = 6
_RETRY_INTERVAL = timedelta(minutes=2)  # Doubled after each attempt.


class Change(StrEnum):
    """The kind of a change; also the name of its templates."""

    PASSWORD = "password"
    EMAIL = "email"


class _Template(NamedTuple):
    subject: str
    chinese: str
    english: str


_TEMPLATES = {
    Change.PASSWORD: _Template(
        "密码已更改 Your password was changed",
        "您的账号密码已更改。如果这不是您本人的操作，请立即重置密码。",
        "The password of your account was changed. If it was not you, reset it at once.",
    ),
    Change.EMAIL: _Template(
        "邮箱已更改 Your e-mail address was changed",
        "您的账号邮箱已更改，本邮箱不再用于登录。如果这不是您本人的操作，请立即联系管理员。",
        "The e-mail address of your account was changed, and this one no longer signs in to it. "
        "If it was not you, ask the administrators for help at once.",
    ),
}


def notify(account: Account, address: str, change: Change) -> None:
    """Schedule a mail about a change, sent after the commit of the running transaction.

    Args:
        account: the changed account.
        address: its previous e-mail address.
        change: the kind of change.
    """
    now = datetime.now(UTC)
    db.session.add(
        Notification(
            account_id=account.id, address=address, change=change, attempts=0, next_attempt_at=now
        )
    )


def send_waiting() -> None:
    """Send the due mails. Failed ones are retried later."""
    while (waiting := _lease_next()) is not None:
        template = _TEMPLATES[Change(waiting.change)]
        text = f"{template.chinese}\n\n{template.english}\n"
        html = f'<p>{template.chinese}</p>\n<p lang="en">{template.english}</p>\n'
        try:
            mail.send(emails.deliverable(waiting.address), template.subject, text, html)
        except MailError:  # The failure is logged.
            if waiting.attempts < _MAX_ATTEMPTS:
                continue
        with transaction():
            db.session.execute(delete(Notification).where(Notification.id == waiting.id))


def delete_notifications(account_id: int) -> None:
    """Delete the unsent mails about an account."""
    db.session.execute(delete(Notification).where(Notification.account_id == account_id))


class _Waiting(NamedTuple):
    id: int
    address: str
    change: str
    attempts: int


def _lease_next() -> _Waiting | None:
    """Lease the mail that has been due longest, for one attempt."""
    now = datetime.now(UTC)
    with transaction():
        due = (
            select(Notification)
            .where(Notification.next_attempt_at <= now)
            .order_by(Notification.next_attempt_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row: Notification | None = db.session.scalars(due).one_or_none()
        if row is None:
            return None
        row.next_attempt_at = now + _RETRY_INTERVAL * 2**row.attempts
        row.attempts += 1
        return _Waiting(row.id, row.address, row.change, row.attempts)
