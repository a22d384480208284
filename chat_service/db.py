"""The database of the chat service."""

from typing import TYPE_CHECKING

from sqlalchemy.orm import DeclarativeBase

from shared.data.db import Database

db = Database()
if TYPE_CHECKING:  # Type checkers do not accept an attribute of an object as a base class.

    class Model(DeclarativeBase):
        """The type of ``db.Model``."""
else:
    Model = db.Model
transaction = db.transaction
