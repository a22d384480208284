"""Tables of the social service.

Accounts are owned by the auth service, so ids of users are not foreign keys here.
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
    """The copy of an account, as of its last event."""

    __tablename__ = "accounts"


class OutboxEvent(OutboxMixin, Model):
    """An undelivered event to another service."""

    __tablename__ = "outbox"
    __table_args__ = {"sqlite_autoincrement": True}


class Erasure(ErasureMixin, Model):
    """A pending erasure of an account's data."""

    __tablename__ = "erasures"


class LimitCounter(LimitCounterMixin, Model):
    """The counter of a rate limit per day."""

    __tablename__ = "limit_counters"


class Friendship(Model):
    """An unordered pair of users, stored once with the smaller id first; friends while active.

    The row is created with the pair's first request and never deleted, so that its version never
    decreases. All changes of the pair's requests and friendship lock it.
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
    version: Mapped[int] = mapped_column(
        default=0, comment="incremented by each start and each end"
    )


class RequestStatus(IntEnum):
    """The status of a friend request."""

    PENDING = 0
    ACCEPTED = 1
    REJECTED = 2
    SUPERSEDED = 3  # By the crossing request of the receiver.


class FriendRequest(Model):
    """The last friend request from one user to another."""

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
    """A user has blocked another. The two are not friends."""

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
    """A named group of friends, visible only to its owner."""

    __tablename__ = "friend_groups"
    __table_args__ = (UniqueConstraint("owner_id", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))


class FriendGroupMember(Model):
    """A member of a friend group, who is a friend of its owner."""

    __tablename__ = "friend_group_members"

    group_id: Mapped[int] = mapped_column(
        ForeignKey(FriendGroup.id, ondelete="CASCADE"), primary_key=True
    )
    member_id: Mapped[int] = mapped_column(primary_key=True, index=True)


class AuditEvent(AuditEventMixin, Model):
    """A security event."""

    __tablename__ = "audit_events"
