"""column comments in plain technical English."""

from alembic import op

revision = "0006_since_0001"
down_revision = "0005_since_0001"

# The former and the new comment of each column.
_COMMENTS = {
    "friendships.version": (
        "raised whenever it begins or ends",
        "incremented by each start and each end",
    ),
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
