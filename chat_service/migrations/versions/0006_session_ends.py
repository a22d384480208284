"""Add the ended sessions of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0006_since_0001"
down_revision = "0005_since_0001"


def upgrade() -> None:
    """Expand."""
    op.add_column(
        "accounts", sa.Column("session_ends", sa.String(), server_default="", nullable=False)
    )
    op.add_column(
        "accounts",
        sa.Column(
            "session_ends_version",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            server_default="0",
            nullable=False,
            comment="the version that session_ends are of",
        ),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_column("accounts", "session_ends_version")
    op.drop_column("accounts", "session_ends")
