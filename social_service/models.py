"""The social service's tables.

Accounts live in the auth service, so ids of people are no foreign keys here.
"""

from datetime import datetime
from enum import IntEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.accounts import AccountMixin
from shared.data.erasure import ErasureMixin
from shared.data.outbox import OutboxMixin
from shared.data.rate_limits import LimitCounterMixin
from shared.operations.audit import AuditEventMixin
from social_service.db import Model


class Account(AccountMixin, Model):
    """Our copy of a person's account, as auth last told it."""

    __tablename__ = "accounts"


class OutboxEvent(OutboxMixin, Model):
    """An event that a neighbour has not taken yet."""

    __tablename__ = "outbox"
    __table_args__ = {"sqlite_autoincrement": True}


class Erasure(ErasureMixin, Model):
    """An account of which something may be left here."""

    __tablename__ = "erasures"


class LimitCounter(LimitCounterMixin, Model):
    """How often something was done that is limited by the day."""

    __tablename__ = "limit_counters"


class Friendship(Model):
    """An unordered pair of people, stored once with the smaller id first; friends while active.

    The row comes with the pair's first request and is never deleted, so that its version goes
    on. It is the lock of everything that requests, begins or ends the pair's friendship.
    """

    __tablename__ = "friendships"
    __table_args__ = (
        UniqueConstraint("low_id", "high_id"),
        CheckConstraint("low_id < high_id", "smaller_id_first"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    low_id: Mapped[int]
    high_id: Mapped[int] = mapped_column(index=True)
    active: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=0, comment="raised whenever it begins or ends")


class RequestStatus(IntEnum):
    """What became of a friend request."""

    PENDING = 0
    ACCEPTED = 1
    REJECTED = 2
    SUPERSEDED = 3  # By the request that the receiver had sent himself.


class FriendRequest(Model):
    """The last time that one person asked another to become friends."""

    __tablename__ = "friend_requests"
    __table_args__ = (
        UniqueConstraint("sender_id", "receiver_id"),
        CheckConstraint("sender_id <> receiver_id", "sender_is_not_receiver"),
        CheckConstraint("status BETWEEN 0 AND 3", "status_is_known"),
        Index(None, "receiver_id", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sender_id: Mapped[int]
    receiver_id: Mapped[int]
    message: Mapped[str] = mapped_column(String(255))
    status: Mapped[int] = mapped_column(default=RequestStatus.PENDING)
    created_at: Mapped[datetime]
    withheld: Mapped[bool] = mapped_column(
        default=False,
        server_default=false(),
        comment="from a receiver who has blocked the sender",
    )


class Block(Model):
    """A user wants no requests from another; the two are no friends."""

    __tablename__ = "blocks"
    __table_args__ = (
        UniqueConstraint("blocker_id", "blocked_id"),
        CheckConstraint("blocker_id <> blocked_id", "blocker_is_not_blocked"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    blocker_id: Mapped[int]
    blocked_id: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime]


class FriendGroup(Model):
    """A named group into which its owner, and only he, sorts friends."""

    __tablename__ = "friend_groups"
    __table_args__ = (UniqueConstraint("owner_id", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))


class FriendGroupMember(Model):
    """A friend of the group's owner is in the group."""

    __tablename__ = "friend_group_members"

    group_id: Mapped[int] = mapped_column(
        ForeignKey(FriendGroup.id, ondelete="CASCADE"), primary_key=True
    )
    member_id: Mapped[int] = mapped_column(primary_key=True, index=True)


class AuditEvent(AuditEventMixin, Model):
    """Something that was done, and matters for security."""

    __tablename__ = "audit_events"
