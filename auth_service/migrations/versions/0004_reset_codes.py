"""codes that reset passwords."""

import sqlalchemy as sa
from alembic import op

revision = "0004_since_0001"
down_revision = "0003_since_0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "reset_codes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("account_id", _ID, nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.JSON(), nullable=False, comment="wrong ones, by network"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_reset_codes_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_codes")),
        sqlite_autoincrement=True,
    )
    for column in ("email_key", "account_id", "created_at"):
        op.create_index(op.f(f"ix_reset_codes_{column}"), "reset_codes", [column])


def downgrade() -> None:
    """Undo."""
    op.drop_table("reset_codes")
