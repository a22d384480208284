"""Export of the data of an account."""

from collections.abc import Iterator

from sqlalchemy import select

from auth_service import errors
from auth_service.db import db
from auth_service.domain import avatars
from auth_service.domain.audit import audit
from auth_service.domain.avatars import Avatar
from auth_service.models import Account, Session
from shared.operations.data_export import ExportedFile, iter_json_array
from shared.web.errors import ApiError

_README = """\
account.json   the account with its profile and creation time
sessions.json  recent sessions
audit.json     security events, with their time and origin
avatar.txt     the uploaded picture (base64), if there is one
avatar.webp    the picture as others see it

The password is not included: only a hash of it is stored.
"""


def files(account_id: int) -> Iterator[ExportedFile]:
    """Export all data of an account except its password hash.

    Raises:
        ApiError: ``USER_NOT_FOUND``.
    """
    account = db.session.execute(select(Account.__table__).where(Account.id == account_id)).first()
    if account is None:
        raise ApiError(errors.USER_NOT_FOUND)
    yield ExportedFile("README.txt", [_README.encode()])
    row = {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "user_info": account.user_info,
        "avatar": "avatar.webp" if account.avatar_digest else account.avatar_reference,
        "deleted": account.deleted,
        "created_at": account.created_at,
    }
    yield ExportedFile("account.json", iter_json_array([row]))
    opened = select(
        Session.created_at, Session.last_seen_at, Session.ended_at, Session.device, Session.address
    ).where(Session.account_id == account_id)
    rows = db.session.execute(opened.order_by(Session.id)).mappings().all()
    db.release()
    yield ExportedFile("sessions.json", iter_json_array(map(dict, rows)))
    yield ExportedFile("audit.json", iter_json_array(audit.export(account_id)))
    if account.avatar_digest:
        original = avatars.get_original(account_id, Avatar(account.avatar_digest, ""))
        yield ExportedFile("avatar.txt", [original.encode()])
        shown = avatars.get_thumbnail(str(account_id), account.avatar_digest)
        yield ExportedFile("avatar.webp", [shown])
