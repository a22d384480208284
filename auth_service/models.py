"""Tables of the auth service."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.db import Model
from shared.data.outbox import OutboxMixin
from shared.data.rate_limits import LimitCounterMixin
from shared.operations.audit import AuditEventMixin


class Account(Model):
    """A registered account. Deleting marks the row; it is never removed.

    Erasing also empties it. The row stays, so that its id is not reused.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("avatar_digest = '' OR avatar_reference = ''", name="one_avatar"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320), comment="as given at registration")
    email_key: Mapped[str] = mapped_column(
        String(320), unique=True, comment="normalized e-mail, for comparisons"
    )
    name: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(String(200))
    user_info: Mapped[str] = mapped_column(String(255), default="")
    avatar_digest: Mapped[str] = mapped_column(String(64), default="")
    avatar_reference: Mapped[str] = mapped_column(String(2048), default="")
    deleted: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(
        default=0, comment="incremented to invalidate all tokens"
    )
    session_ends: Mapped[str] = mapped_column(default="", server_default="")
    version: Mapped[int] = mapped_column(
        default=1, comment="incremented by every change of the state"
    )
    created_at: Mapped[datetime]

    @hybrid_property
    def erased(self) -> bool:
        """Whether the account is erased: every other account has an address."""
        return self.email == ""


class Session(Model):
    """A sign-in with its token, until the token expires."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "account_id", "network"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id))
    token_id: Mapped[str | None] = mapped_column(
        String(64), unique=True, comment="jti of a token from before sessions"
    )
    address: Mapped[str] = mapped_column(String(64))
    network: Mapped[str] = mapped_column(String(64), comment="key of rate limits")
    device: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class ResetCode(Model):
    """A requested password reset, also for addresses without an account.

    Without a hash, its code has not been generated yet.
    """

    __tablename__ = "reset_codes"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    email_key: Mapped[str] = mapped_column(String(320), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey(Account.id), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), default="")
    tries: Mapped[dict[str, int]] = mapped_column(JSON, comment="failed attempts by network")
    created_at: Mapped[datetime] = mapped_column(index=True)


class Notification(Model):
    """An unsent mail about a change of an account."""

    __tablename__ = "notifications"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id), index=True)
    address: Mapped[str] = mapped_column(String(320))
    change: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime] = mapped_column(index=True)


class LimitCounter(LimitCounterMixin, Model):
    """The counter of a rate limit per hour."""

    __tablename__ = "limit_counters"


class OutboxEvent(OutboxMixin, Model):
    """An undelivered event to another service."""

    __tablename__ = "outbox"
    __table_args__ = {"sqlite_autoincrement": True}


class AuditEvent(AuditEventMixin, Model):
    """A security event."""

    __tablename__ = "audit_events"
