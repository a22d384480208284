"""Column types with the same meaning on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, registry

# SQLite generates ids only in an INTEGER column, which has 64 bits there.
BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A time, aware of UTC also where the database has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Reject naive times; SQLite stores UTC without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None]:
        """Convert SQLite's text, or PostgreSQL's aware time in the zone of the session."""
        return _parse_datetime if dialect.name == "sqlite" else _in_utc


def _in_utc(stored: datetime | None) -> datetime | None:
    # Sessions are configured for UTC, for which psycopg creates exactly this zone.
    return stored if stored is None or stored.tzinfo is UTC else stored.astimezone(UTC)


def _parse_datetime(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored + "Z")


def create_base() -> type[DeclarativeBase]:
    """Create the base class of a service's tables, whose constraints have names for migrations."""

    class Base(DeclarativeBase):
        registry = registry(
            metadata=MetaData(
                naming_convention={
                    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                    "ck": "ck_%(table_name)s_%(constraint_name)s",
                    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                    "pk": "pk_%(table_name)s",
                }
            ),
            type_annotation_map={int: BigId, datetime: UtcDateTime},
        )

    return Base
