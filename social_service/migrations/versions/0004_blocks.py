"""who has blocked whom, requests that are withheld for it, and counters of limits by the day."""

import sqlalchemy as sa
from alembic import op

revision = "0004_since_0001"
down_revision = "0003_since_0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "blocks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("blocker_id", _ID, nullable=False),
        sa.Column("blocked_id", _ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "blocker_id <> blocked_id", name=op.f("ck_blocks_blocker_is_not_blocked")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sa.UniqueConstraint(
            "blocker_id", "blocked_id", name=op.f("uq_blocks_blocker_id_blocked_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_blocks_blocked_id"), "blocks", ["blocked_id"])
    op.add_column(
        "friend_requests",
        sa.Column(
            "withheld",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="from a receiver who has blocked the sender",
        ),
    )
    op.create_table(
        "limit_counters",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("count", _ID, nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False, comment="Unix seconds"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_limit_counters")),
    )
    op.create_index(op.f("ix_limit_counters_expires_at"), "limit_counters", ["expires_at"])


def downgrade() -> None:
    """Undo; requests that were withheld go with the blocks."""
    op.drop_table("limit_counters")
    op.execute("DELETE FROM friend_requests WHERE withheld")
    op.drop_column("friend_requests", "withheld")
    op.drop_table("blocks")
