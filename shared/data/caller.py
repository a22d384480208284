"""Queries that also read the state of the caller's account (docs/decisions/0015)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Row, Select, and_, bindparam, or_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from shared.data.db import Database
from shared.web.account_state import AccountState
from shared.web.authentication import (
    accepted_state,
    check_account,
    is_account_checked,
    require_account,
)


class CallerQueries:
    """Builds and executes queries that are joined with the caller's account.

    Args:
        db: the database of the service.
        model: the model of copied accounts.

    Attributes:
        caller: the caller's account in these queries.
    """

    def __init__(self, db: Database, model: Any) -> None:
        self._db = db
        self.caller = model.__table__.alias("caller")

    def with_caller(self, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """Join a query with the state of the caller's account, for `execute_for_caller`.

        Args:
            query: its parameter ``user`` is the caller.
        """
        caller = self.caller.c
        return query.outerjoin(self.caller, caller.id == bindparam("user")).add_columns(
            caller.generation.label("caller_generation"),
            caller.deleted.label("caller_deleted"),
            caller.session_ends.label("caller_session_ends"),
            (caller.session_ends_version == caller.version).label("caller_is_complete"),
        )

    def execute_for_caller(
        self, query: Select[*tuple[Any, ...]], **values: Any
    ) -> Sequence[Row[Any]]:
        """The rows of a query of `with_caller`, once the caller's account has been checked.

        The query brings its state. If it finds nothing, a statement of its own does, which may
        fetch the account from auth.

        Raises:
            ApiError: ``INVALID_JWT``.
        """
        rows: Sequence[Any] = self._db.execute(query, **values).all()
        if is_account_checked():
            return rows
        if rows and rows[0].caller_is_complete:
            row = rows[0]
            check_account(
                AccountState(row.caller_generation, row.caller_deleted, row.caller_session_ends)
            )
            return rows
        require_account()
        return self._db.execute(query, **values).all()

    def is_accepted(self, row: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
        """Build the condition that the request's token has been accepted, or that the state in
        ``row`` accepts it.

        Args:
            row: the columns of a query of `with_caller`. Parameters: see `acceptance_parameters`.
        """
        return or_(
            bindparam("is_checked", type_=Boolean),
            and_(
                row.caller_is_complete,
                ~row.caller_deleted,
                row.caller_generation == bindparam("accepted_generation"),
                row.caller_session_ends == bindparam("accepted_session_ends"),
            ),
        )

    def acceptance_parameters(self) -> dict[str, Any]:
        """Get the parameters of `is_accepted`."""
        state = accepted_state()
        return {
            "is_checked": is_account_checked(),
            "accepted_generation": state.generation,
            "accepted_session_ends": state.session_ends,
        }
