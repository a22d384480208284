"""Check that the schemas of the services are current, without running their commands."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from deploy.programs import SERVICES, load_service_settings
from shared.data.revisions import newest_revision
from shared.settings import database_url

_CURRENT = "SELECT version_num FROM alembic_version"


def are_current(root: Path, env: Mapping[str, str]) -> bool:
    """Whether every database is certainly at the newest revision of its service.

    Args:
        root: the parent folder of the services.
        env: the environment of all programs.
    """
    return all(
        _revision(database_url(load_service_settings(service, env), service))
        == newest_revision(root / service / "migrations")
        for service in SERVICES
    )


def _revision(url: str) -> str | None:
    """Read the revision of a database; None if it has none or is unreadable."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///").partition("?")[0]
        try:
            with closing(sqlite3.connect(f"{Path(path).as_uri()}?mode=ro", uri=True)) as connection:
                return _first(connection.execute(_CURRENT).fetchone())
        except (sqlite3.Error, ValueError):
            return None
    import psycopg  # noqa: PLC0415 - takes half a second, for which SQLite need not wait

    try:
        with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=5) as server:
            return _first(server.execute(_CURRENT).fetchone())
    except psycopg.Error:
        return None


def _first(row: tuple[object, ...] | None) -> str | None:
    return str(row[0]) if row else None
