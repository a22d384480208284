"""Irreversible erasure of an account. Only its id stays, so that it is not reused."""

from sqlalchemy import delete

from auth_service import errors
from auth_service.clients.mail import mail
from auth_service.db import db, transaction
from auth_service.domain import avatars, emails, password_reset
from auth_service.domain.audit import audit
from auth_service.domain.notifications import delete_notifications
from auth_service.domain.outbox import account_changed, outbox
from auth_service.models import Account, ResetCode, Session
from shared.web.errors import ApiError


def erase(account_id: int) -> None:
    """Erase an account here, and in the other services by an event.

    Its e-mail address is free again. Repeating it notifies the other services again.

    Raises:
        ApiError: ``USER_NOT_FOUND``.
    """
    known = db.session.get(Account, account_id)
    if known is None:
        raise ApiError(errors.USER_NOT_FOUND)
    for address in {known.email, *audit.list_former_emails(account_id)} - {""}:
        mail.delete_written(emails.deliverable(address))
    with transaction():
        account = db.session.get_one(Account, account_id, with_for_update=True)
        picture = account.avatar_digest
        password_reset.void_codes(account_id)
        db.session.execute(delete(ResetCode).where(ResetCode.email_key == account.email_key))
        db.session.execute(delete(Session).where(Session.account_id == account_id))
        delete_notifications(account_id)
        audit.erase(account_id)
        audit.record("erased", account_id)
        account.deleted = True
        account.generation += 1  # Also for a deleted account: a request may be restoring it.
        account.email = account.name = account.user_info = account.password_hash = ""
        account.avatar_digest = account.avatar_reference = ""
        account.email_key = str(account_id)  # Unique, and not an address.
        account.version += 1
        outbox.add(account_changed(account))
        db.after_commit(lambda: avatars.delete_avatar(account_id, picture))
