"""Add counters of rate limits by the hour."""

import sqlalchemy as sa
from alembic import op

revision = "0007_since_0001"
down_revision = "0006_since_0001"


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "limit_counters",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False, comment="Unix seconds"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_limit_counters")),
    )
    op.create_index(op.f("ix_limit_counters_expires_at"), "limit_counters", ["expires_at"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("limit_counters")
