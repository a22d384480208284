"""Add pending erasures of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0003_since_0001"
down_revision = "0002_since_0001"


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "erasures",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("wished_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_erasures")),
    )


def downgrade() -> None:
    """Undo; pending erasures must be requested again."""
    op.drop_table("erasures")
