"""Add the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0008_since_0001"
down_revision = "0007_since_0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "audit_events",
        sa.Column("id", _ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("actor_id", _ID, nullable=True, comment="account that acted"),
        sa.Column("operator", sa.String(length=64), nullable=False, comment="who ran a command"),
        sa.Column("subject_id", _ID, nullable=True, comment="account concerned"),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=255), nullable=False, comment="User-Agent"),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column(
            "email", sa.String(length=320), nullable=False, comment="former address of the account"
        ),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    for column in ("created_at", "actor_id", "subject_id"):
        op.create_index(op.f(f"ix_audit_events_{column}"), "audit_events", [column])


def downgrade() -> None:
    """Undo."""
    op.drop_table("audit_events")
