"""sessions, and one account for each mailbox."""

from contextlib import suppress

import idna
import sqlalchemy as sa
from alembic import context, op

revision = "0002_since_0001"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "sessions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column(
            "token_id",
            sa.String(length=64),
            nullable=True,
            comment="of a token that is older than sessions",
        ),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False, comment="as limits count it"),
        sa.Column("device", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sessions_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_id", name=op.f("uq_sessions_token_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sessions_account_id_network"), "sessions", ["account_id", "network"])
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])
    op.add_column(
        "accounts", sa.Column("session_ends", sa.String(), server_default="", nullable=False)
    )
    if not context.is_offline_mode():
        _compare_addresses_by_mailbox()


def downgrade() -> None:
    """Undo."""
    op.drop_column("accounts", "session_ends")
    op.drop_table("sessions")


def _compare_addresses_by_mailbox() -> None:
    """Write the keys anew. Of two accounts with one mailbox, the second stays as it was."""
    connection = op.get_bind()
    accounts = sa.table(
        "accounts", sa.column("id"), sa.column("email"), sa.column("email_key", sa.String)
    )
    columns = (accounts.c.id, accounts.c.email, accounts.c.email_key)
    rows = connection.execute(sa.select(*columns).where(accounts.c.email != "")).all()
    keys = {row.email_key for row in rows}
    for row in rows:
        key = _key_of(row.email)
        if key not in keys:
            keys.add(key)
            connection.execute(
                sa.update(accounts).where(accounts.c.id == row.id).values(email_key=key)
            )


def _key_of(email: str) -> str:
    local_part, _, domain = email.rpartition("@")
    with suppress(idna.IDNAError):
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    return f"{''.join(map(_lower, local_part))}@{domain.lower()}"


def _lower(character: str) -> str:
    lower = character.lower()
    return character if lower.isascii() and not character.isascii() else lower
