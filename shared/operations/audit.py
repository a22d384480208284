"""The audit log of security events: act, actor, origin and subject.

An event is a row in the service's own database, written in the transaction of the act, and a line
of the logger ``audit``, written after the commit, which can be shipped separately.
"""

import getpass
import logging
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask import Flask, g, has_request_context, request
from sqlalchemy import JSON, ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from shared.data.background import repeat
from shared.data.db import Database
from shared.data.large_results import read_pages
from shared.logs import request_id
from shared.operations.commands import accounts_group, as_json, print_table

log = logging.getLogger("audit")
log.setLevel(logging.INFO)  # Independent of LOG_LEVEL.

_MAX_DELETED_AT_ONCE = 1_000
_SECONDS_BETWEEN_DELETIONS = 3600


class AuditEventMixin:
    """Columns of the audit log. An act without an account is by an operator or a stranger."""

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    act: Mapped[str] = mapped_column(String(40))
    actor_id: Mapped[int | None] = mapped_column(index=True, comment="account that acted")
    operator: Mapped[str] = mapped_column(String(64), comment="who ran a command")
    subject_id: Mapped[int | None] = mapped_column(index=True, comment="account concerned")
    address: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(255), comment="User-Agent")
    request_id: Mapped[str] = mapped_column(String(64))
    email: Mapped[str] = mapped_column(String(320), comment="former address of the account")
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditLog:
    """The audit log of one service.

    Args:
        db: the service's database.
        model: its table, of the columns of `AuditEventMixin`.
    """

    def __init__(self, db: Database, model: Any) -> None:
        self._db = db
        self._model = model
        self._days = 0

    def init_app(self, app: Flask, days: int) -> None:
        """Set the retention in days (0 disables it), and add the command ``accounts log``."""
        self._days = days
        repeat(app, self.delete_expired, _SECONDS_BETWEEN_DELETIONS)

        @accounts_group(app).command("log")
        @click.argument("account_id", metavar="ID", type=int)
        @click.option("--limit", default=100, type=click.IntRange(1, 10_000), show_default=True)
        @as_json
        def show_log(account_id: int, limit: int, as_json: bool) -> None:
            """Show the newest security events by and about an account."""
            print_table(self.list_events(account_id, limit), as_json)

    def record(
        self,
        act: str,
        subject_id: int | None,
        *,
        actor_id: int | None = None,
        email: str = "",
        **details: Any,
    ) -> None:
        """Record an act in the current transaction.

        Args:
            act: the name of the act, such as ``password_changed``.
            subject_id: the affected account.
            actor_id: the acting account, if it is not that of the request's token.
            email: a former address of the account; it is not written to the log line.
            details: further facts; neither secrets nor texts of users.
        """
        event = {"act": act, "subject_id": subject_id, **_origin(actor_id)}
        if self._days:
            row = {**event, "email": email, "details": details, "created_at": datetime.now(UTC)}
            self._db.session.execute(self._db.insert(self._model).values(row))
        facts = {name: value for name, value in event.items() if name not in ("act", "request_id")}
        self._db.after_commit(lambda: log.info(act, extra=facts | details))

    def list_events(self, account_id: int, limit: int) -> list[dict[str, Any]]:
        """List the newest events of an account in chronological order."""
        model = self._model
        columns = (
            *(model.created_at, model.act, model.actor_id, model.operator, model.subject_id),
            *(model.address, model.request_id, model.email, model.details, model.device),
        )
        concerned = or_(model.actor_id == account_id, model.subject_id == account_id)
        newest = select(*columns).where(concerned).order_by(model.id.desc()).limit(limit)
        rows = self._db.execute(newest).mappings().all()
        return [dict(row) for row in reversed(rows)]

    def export(self, account_id: int) -> Iterator[dict[str, Any]]:
        """Yield all events for the owner of an account, oldest first, without acts of others.

        No connection is held between two pages.
        """
        model = self._model
        columns = (
            *(model.created_at, model.act, model.subject_id, model.address, model.device),
            *(model.email, model.details),
        )
        return read_pages(self._db, select(*columns).where(self._is_own(account_id)), model.id)

    def list_former_emails(self, account_id: int) -> Sequence[str]:
        """List the former addresses of an account in the stored events."""
        model = self._model
        wanted = select(model.email).where(model.actor_id == account_id, model.email != "")
        return self._db.execute(wanted).scalars().all()

    def erase(self, account_id: int) -> None:
        """Remove the origins and former addresses of an account."""
        own = update(self._model).where(self._is_own(account_id))
        self._db.session.execute(own.values(address="", device="", email=""))

    def delete_expired(self) -> None:
        """Delete the events that are older than the retention."""
        model, before = self._model, datetime.now(UTC) - timedelta(days=self._days)
        expired = (
            select(model.id)
            .where(model.created_at < before)
            .order_by(model.created_at)
            .limit(_MAX_DELETED_AT_ONCE)
        )
        ids: Sequence[int] = [0] * _MAX_DELETED_AT_ONCE
        while len(ids) == _MAX_DELETED_AT_ONCE:
            with self._db.transaction():
                ids = self._db.session.scalars(expired).all()
                self._db.session.execute(delete(model).where(model.id.in_(ids)))

    def _is_own(self, account_id: int) -> ColumnElement[bool]:
        """Build the SQL condition of acts by an account, or on it by no other account."""
        model = self._model
        by_no_account = and_(model.actor_id.is_(None), model.subject_id == account_id)
        return or_(model.actor_id == account_id, by_no_account)


def _origin(actor_id: int | None) -> dict[str, Any]:
    """Get the actor and origin: the account of the request, or the operator of a command."""
    if not has_request_context():
        origin = {"operator": _user_name(), "address": "", "device": "", "request_id": ""}
        return {"actor_id": actor_id, **origin}
    return {
        "actor_id": g.get("user_id") if actor_id is None else actor_id,
        "operator": "",
        "address": (request.remote_addr or "")[:64],
        "device": request.user_agent.string[:255],
        "request_id": request_id.get(),
    }


def _user_name() -> str:
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):  # In a container, a user may have no name.
        return str(os.getuid())
