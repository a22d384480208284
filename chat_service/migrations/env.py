"""Entry point of Alembic; see ``shared.data.migrations``."""

from shared.data.migrations import run_environment

run_environment()
