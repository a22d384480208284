"""The auth service's own database."""

from sqlalchemy.orm import DeclarativeBase

from shared.data.db import Database, create_registry


class Model(DeclarativeBase):
    """Base of the service's tables."""

    registry = create_registry()


db = Database(Model)
transaction = db.transaction
