"""Index dissolved groups, which are deleted in the background."""

import sqlalchemy as sa
from alembic import op

revision = "0012_since_0001"
down_revision = "0011_since_0001"

_NAME = "ix_conversations_dissolved"
_WHERE = sa.text("is_group AND NOT is_open")


def upgrade() -> None:
    """Expand."""
    with op.get_context().autocommit_block():
        op.create_index(
            _NAME,
            "conversations",
            ["id"],
            sqlite_where=_WHERE,
            postgresql_where=_WHERE,
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    """Undo."""
    with op.get_context().autocommit_block():
        op.drop_index(_NAME, "conversations", postgresql_concurrently=True, if_exists=True)
