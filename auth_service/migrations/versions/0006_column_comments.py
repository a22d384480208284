"""column comments in plain technical English."""

from alembic import op

revision = "0006_since_0001"
down_revision = "0005_since_0001"

# The former and the new comment of each column.
_COMMENTS = {
    "accounts.email_key": ("for comparing", "normalized e-mail, for comparisons"),
    "accounts.generation": (
        "raised at deletion; ends tokens",
        "incremented to invalidate all tokens",
    ),
    "accounts.version": (
        "raised by every change of the state",
        "incremented by every change of the state",
    ),
    "sessions.token_id": (
        "of a token that is older than sessions",
        "jti of a token from before sessions",
    ),
    "sessions.network": ("as limits count it", "key of rate limits"),
    "reset_codes.tries": ("wrong ones, by network", "failed attempts by network"),
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
