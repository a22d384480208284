"""Index replies by id, for lists in the order of ids."""

from alembic import op

revision = "0009_since_0001"
down_revision = "0008_since_0001"

_OLD = ("ix_messages_reply_to_id", ["reply_to_id"])
_NEW = ("ix_messages_reply_to_id_id", ["reply_to_id", "id"])


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
