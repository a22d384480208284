"""Add the search index: pairs of characters."""

import sqlalchemy as sa
from alembic import op

revision = "0005_since_0001"
down_revision = "0004_since_0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand; the service fills the index while it runs."""
    op.create_table(
        "search_grams",
        sa.Column("conversation_id", _ID, autoincrement=False, nullable=False),
        sa.Column("gram", _ID, autoincrement=False, nullable=False),
        sa.Column("message_id", _ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "gram", "message_id", name=op.f("pk_search_grams")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_progress",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("indexed_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_progress")),
    )


def downgrade() -> None:
    """Undo; an upgrade fills the index from the beginning."""
    op.drop_table("search_progress")
    op.drop_table("search_grams")
