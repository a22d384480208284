"""Index messages by time and version, for bounds by time."""

from alembic import op

revision = "0004_since_0001"
down_revision = "0003_since_0001"

_OLD = ("ix_messages_conversation_id_created_at", ["conversation_id", "created_at"])
_NEW = (
    "ix_messages_conversation_id_created_at_version",
    ["conversation_id", "created_at", "version"],
)


def upgrade() -> None:
    """Expand."""
    _replace(_OLD, _NEW)


def downgrade() -> None:
    """Undo."""
    _replace(_NEW, _OLD)


def _replace(old: tuple[str, list[str]], new: tuple[str, list[str]]) -> None:
    with op.get_context().autocommit_block():
        name, columns = new
        op.create_index(name, "messages", columns, postgresql_concurrently=True, if_not_exists=True)
        op.drop_index(old[0], "messages", postgresql_concurrently=True, if_exists=True)
