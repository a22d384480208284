"""column comments in plain technical English."""

from alembic import op

revision = "0011_since_0001"
down_revision = "0010_since_0001"

# The former and the new comment of each column.
_COMMENTS = {
    "conversations.last_seq": ("messages ever sent", "seq of the newest message ever sent"),
    "conversations.version": (
        "raised by each send and each delete",
        "incremented by each send and each delete",
    ),
    "messages.reply_to_id": ("may be gone", "the message may be deleted"),
}


def upgrade() -> None:
    """Expand."""
    _set_comments(1)


def downgrade() -> None:
    """Undo."""
    _set_comments(0)


def _set_comments(index: int) -> None:
    if op.get_context().dialect.name == "sqlite":  # It has no comments.
        return
    for column, comments in _COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN {column} IS '{comments[index]}'")
