"""Index the rows that reference an image file, by its name."""

import sqlalchemy as sa
from alembic import op

revision = "0002_since_0001"
down_revision = "0001"

_INDEXES = (
    ("ix_messages_image", "messages", "content", "type = 1"),
    ("ix_conversations_picture", "conversations", "avatar_digest", "avatar_digest <> ''"),
)


def upgrade() -> None:
    """Expand."""
    with op.get_context().autocommit_block():
        for name, table, column, condition in _INDEXES:
            op.create_index(
                name,
                table,
                [column],
                sqlite_where=sa.text(condition),
                postgresql_where=sa.text(condition),
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    """Undo."""
    with op.get_context().autocommit_block():
        for name, table, _, _ in _INDEXES:
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
