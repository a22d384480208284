"""accounts of which something is left to be erased."""

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
    """Go back; erasures that are not finished have to be wished again."""
    op.drop_table("erasures")
