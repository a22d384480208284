"""The social service's own database."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import DeclarativeBase

from shared.data.db import Database, create_registry


class Model(DeclarativeBase):
    """Base of the service's tables."""

    registry = create_registry()


db = Database(Model)
transaction = db.transaction

AnyRow = Row[*tuple[Any, ...]]
