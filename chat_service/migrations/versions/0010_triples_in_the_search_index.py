"""Build the search index again, with triples of characters."""

from alembic import op

revision = "0010_since_0001"
down_revision = "0009_since_0001"


def upgrade() -> None:
    """Expand."""
    _clear()


def downgrade() -> None:
    """Undo."""
    _clear()


def _clear() -> None:
    is_sqlite = op.get_context().dialect.name == "sqlite"
    op.execute("DELETE FROM search_progress")
    op.execute("DELETE FROM search_grams" if is_sqlite else "TRUNCATE search_grams")
