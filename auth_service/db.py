"""The auth service's own database."""

from typing import TYPE_CHECKING

from sqlalchemy.orm import DeclarativeBase

from shared.data.db import Database

db = Database()
if TYPE_CHECKING:  # A checker takes no attribute of an object for a base class.

    class Model(DeclarativeBase):
        """What ``db.Model`` is, to a checker."""
else:
    Model = db.Model
transaction = db.transaction
