"""The auth service's tables."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.db import Model
from shared.outbox import OutboxRow


class Account(Model):
    """A person who registered. Deleting marks the row; it is never removed.

    Erasing empties it as well, so that nobody else ever gets its id.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("avatar_digest = '' OR avatar_reference = ''", name="one_avatar"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320), comment="as given at registration")
    email_key: Mapped[str] = mapped_column(String(320), unique=True, comment="for comparing")
    name: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(String(200))
    user_info: Mapped[str] = mapped_column(String(255), default="")
    avatar_digest: Mapped[str] = mapped_column(String(64), default="")
    avatar_reference: Mapped[str] = mapped_column(String(2048), default="")
    deleted: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=0, comment="raised at deletion; ends tokens")
    version: Mapped[int] = mapped_column(default=1, comment="raised by every change of the state")
    created_at: Mapped[datetime]

    @hybrid_property
    def erased(self) -> bool:
        """Whether nothing is left of it: every other account has an address."""
        return self.email == ""


class OutboxEvent(OutboxRow, Model):
    """An event that a neighbour has not taken yet."""

    __tablename__ = "outbox"
    __table_args__ = {"sqlite_autoincrement": True}
