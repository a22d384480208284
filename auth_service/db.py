"""The auth service's own database."""

from typing import TYPE_CHECKING

from sqlalchemy.orm import DeclarativeBase

from shared.data.db import Database

db = Database()
if TYPE_CHECKING:  # A type checker accepts no attribute of an object as a base class.

    class Model(DeclarativeBase):
        """Type of ``db.Model`` for the type checker."""
else:
    Model = db.Model
transaction = db.transaction
