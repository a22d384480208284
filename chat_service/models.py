"""Tables of the chat service."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.db import Model
from shared.data.accounts import AccountMixin
from shared.data.erasure import ErasureMixin
from shared.data.rate_limits import LimitCounterMixin
from shared.operations.audit import AuditEventMixin

OWNER, ADMIN, MEMBER = 1, 2, 3
TEXT, IMAGE = 0, 1
PENDING, REJECTED, ACCEPTED, SUPERSEDED = 0, 1, 2, 3


class Account(AccountMixin, Model):
    """A copy of an account, updated by events of the auth service."""

    __tablename__ = "accounts"


class Erasure(ErasureMixin, Model):
    """An account whose data are being erased."""

    __tablename__ = "erasures"


class LimitCounter(LimitCounterMixin, Model):
    """A counter of a rate limit by the hour."""

    __tablename__ = "limit_counters"


class Conversation(Model):
    """A group, or the private conversation of a pair (the smaller id first).

    A private conversation is open while the pair are friends; its messages remain afterwards.
    A group that is not open is dissolved, and will be deleted.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("low_id", "high_id"),
        CheckConstraint(
            "is_group = (low_id IS NULL) AND is_group = (high_id IS NULL)", name="kind"
        ),
        CheckConstraint("low_id < high_id", name="pair"),
        Index(
            "ix_conversations_picture",
            "avatar_digest",
            sqlite_where=text("avatar_digest <> ''"),
            postgresql_where=text("avatar_digest <> ''"),
        ),
        Index(
            "ix_conversations_dissolved",
            "id",
            sqlite_where=text("is_group AND NOT is_open"),
            postgresql_where=text("is_group AND NOT is_open"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    is_group: Mapped[bool]
    name: Mapped[str] = mapped_column(String(100), default="")
    avatar_digest: Mapped[str] = mapped_column(
        String(128), default="", comment="of a group's picture"
    )
    avatar_reference: Mapped[str] = mapped_column(String(2048), default="")
    low_id: Mapped[int | None]
    high_id: Mapped[int | None] = mapped_column(index=True)
    is_open: Mapped[bool] = mapped_column(default=True)
    friendship_version: Mapped[int] = mapped_column(default=0)
    last_seq: Mapped[int] = mapped_column(default=0, comment="seq of the newest message ever sent")
    last_message_at: Mapped[datetime | None] = mapped_column(
        comment="of the newest ever sent; the next is never earlier"
    )
    version: Mapped[int] = mapped_column(
        default=0, comment="incremented by each send and each delete"
    )
    created_at: Mapped[datetime]


class Membership(Model):
    """A user in a conversation: role, settings and read positions.

    The unread count is the number of messages after ``unread_seq`` that are neither deleted nor
    hidden, plus ``unread_extra``. ``read_seq`` is the read position that other members see.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint("role IN (1, 2, 3)", name="role"),
        Index(
            "uq_memberships_owner",
            "conversation_id",
            unique=True,
            sqlite_where=text("role = 1"),
            postgresql_where=text("role = 1"),
        ),
    )

    conversation_id: Mapped[int] = mapped_column(
        ForeignKey(Conversation.id, ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    role: Mapped[int] = mapped_column(default=MEMBER)
    is_pinned: Mapped[bool] = mapped_column(default=False)
    notices_on: Mapped[bool] = mapped_column(default=True)
    unread_seq: Mapped[int] = mapped_column(default=0)
    unread_extra: Mapped[int] = mapped_column(default=0)
    read_seq: Mapped[int] = mapped_column(default=0)
    joined_at: Mapped[datetime]


class Message(Model):
    """A message that is not deleted. ``content`` of an image is the name of its file."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("sender_id", "client_id"),
        Index(None, "conversation_id", "id"),
        Index(None, "conversation_id", "version"),
        Index(None, "conversation_id", "created_at", "version"),
        Index(None, "reply_to_id", "id"),
        Index(
            "ix_messages_image",
            "content",
            sqlite_where=text("type = 1"),
            postgresql_where=text("type = 1"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey(Conversation.id, ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(comment="1, 2, 3 ... in its conversation, in order of time")
    version: Mapped[int] = mapped_column(comment="of the conversation after this send")
    sender_id: Mapped[int]
    type: Mapped[int] = mapped_column(default=TEXT)
    content: Mapped[str] = mapped_column(String(255))
    reply_to_id: Mapped[int | None] = mapped_column(comment="the message may be deleted")
    client_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]


class Deletion(Model):
    """Replaces a message deleted for all members, for counts, sync and idempotent sends."""

    __tablename__ = "deletions"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("sender_id", "client_id"),
        Index(None, "conversation_id", "version"),
    )

    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    conversation_id: Mapped[int] = mapped_column(ForeignKey(Conversation.id, ondelete="CASCADE"))
    seq: Mapped[int]
    version: Mapped[int] = mapped_column(comment="of the conversation after this delete")
    sender_id: Mapped[int]
    client_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(comment="when the message was sent")


class HiddenMessage(Model):
    """A message that a user has hidden."""

    __tablename__ = "hidden_messages"
    __table_args__ = (Index(None, "user_id", "conversation_id", "seq"),)

    user_id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(
        ForeignKey(Message.id, ondelete="CASCADE"), primary_key=True, index=True
    )
    conversation_id: Mapped[int]
    seq: Mapped[int]


class SearchGram(Model):
    """A row of the search index: an n-gram of a text, as one number."""

    __tablename__ = "search_grams"
    __table_args__ = {"sqlite_with_rowid": False}

    conversation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    gram: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class SearchProgress(Model):
    """A single row: messages up to ``indexed_id`` are in the search index."""

    __tablename__ = "search_progress"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    indexed_id: Mapped[int]


class Announcement(Model):
    """An announcement in a group (群公告)."""

    __tablename__ = "announcements"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey(Conversation.id, ondelete="CASCADE"), index=True
    )
    sender_id: Mapped[int]
    content: Mapped[str] = mapped_column(String(2000))
    created_at: Mapped[datetime]


class Invitation(Model):
    """A member's request to add a user to the group; the owner or an admin decides."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "uq_invitations_waiting",
            "conversation_id",
            "sender_id",
            "receiver_id",
            unique=True,
            sqlite_where=text("status = 0"),
            postgresql_where=text("status = 0"),
        ),
        CheckConstraint("status IN (0, 1, 2, 3)", name="status"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey(Conversation.id, ondelete="CASCADE"), index=True
    )
    sender_id: Mapped[int]
    receiver_id: Mapped[int]
    status: Mapped[int] = mapped_column(default=PENDING)
    created_at: Mapped[datetime]


class AuditEvent(AuditEventMixin, Model):
    """An action that is relevant for security."""

    __tablename__ = "audit_events"
