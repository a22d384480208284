"""Integrity checks of the auth service, and the state that its copies must equal."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, or_, select

from auth_service.db import db
from auth_service.domain import avatars, emails
from auth_service.domain.outbox import STATE_COLUMNS, outbox
from auth_service.models import Account, OutboxEvent
from shared.data.large_results import stream_rows
from shared.operations.integrity import Check, Page, States, sql_check

_PAGE = 500


def _addresses() -> Iterator[Page]:
    for rows in _pages(~Account.erased):
        yield Page(
            len(rows),
            [
                f"account {row.id}"
                for row in rows
                if row.email_key != emails.normalize_email(row.email)
            ],
        )


def _pictures() -> Iterator[Page]:
    for rows in _pages(Account.avatar_digest != ""):
        missing = [row for row in rows if not avatars.exists(row.id, row.avatar_digest)]
        # A replaced image is deleted after its row is updated: check the current rows only.
        shown = set(
            db.session.execute(
                select(Account.id, Account.avatar_digest).where(
                    Account.id.in_([row.id for row in missing])
                )
            )
        )
        lost = [row for row in missing if (row.id, row.avatar_digest) in shown]
        yield Page(len(rows), [f"account {row.id}, {row.avatar_digest}" for row in lost])


def _pages(which: ColumnElement[bool]) -> Iterator[list[Account]]:
    after = 0
    while True:
        page = select(Account).where(which, Account.id > after).order_by(Account.id).limit(_PAGE)
        with db.snapshot():
            rows = list(db.session.scalars(page))
            db.session.expunge_all()
        if not rows:
            return
        yield rows
        after = rows[-1].id


CHECKS: list[Check] = [
    Check("each account is found by its e-mail", _addresses),
    sql_check(
        db,
        "versions and generations count from their beginnings",
        Account.id,
        select(Account.id, Account.version, Account.generation).where(
            or_(
                Account.version < 1,
                Account.generation < 0,
                Account.deleted & (Account.generation < 1),
            )
        ),
    ),
    Check("the picture of each account is in the store", _pictures),
    sql_check(db, "no event waits for longer than ten minutes", OutboxEvent.id, outbox.overdue()),
]

STATES: States = {"account": lambda: stream_rows(db, select(*STATE_COLUMNS).order_by(Account.id))}
