"""A service's copy of the accounts, updated by the auth service's events.

An account that is missing in the copy is fetched from the auth service, in one call for several
accounts. If auth does not respond, such an account does not exist.
"""

import logging
import time
from collections.abc import Collection, Iterator
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.caller import CallerQueries
from shared.data.client import ServiceClient, UnreachableError
from shared.data.db import Database
from shared.data.erasure import Erasures
from shared.web.account_state import AccountState, SessionEnds

log = logging.getLogger(__name__)

_PAGE_SIZE = 500
_SECONDS_BETWEEN_COMPLETIONS = 5.0
_MAX_IDS_PER_REQUEST = 1000  # The limit of the auth service.


class AccountMixin:
    """Columns of a copied account. A newer state has a higher version."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(index=True)
    email: Mapped[str]
    user_info: Mapped[str]
    avatar_digest: Mapped[str]
    avatar_reference: Mapped[str]
    deleted: Mapped[bool]
    generation: Mapped[int]
    session_ends: Mapped[str] = mapped_column(default="", server_default="")
    version: Mapped[int]
    session_ends_version: Mapped[int] = mapped_column(
        server_default="0", comment="the version that session_ends are of"
    )


def _is_session_ends(text: str) -> None:
    try:
        SessionEnds.from_text(text)
    except ValueError:
        raise ValidationError("Not the ends of sessions.") from None


class AccountEvent(Schema):
    """State of an account in an event of the auth service. Unknown fields are ignored."""

    class Meta:
        unknown = EXCLUDE

    id = fields.Integer(required=True, strict=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    user_info = fields.String(required=True)
    avatar_digest = fields.String(required=True)
    avatar_reference = fields.String(required=True)
    deleted = fields.Boolean(required=True)
    generation = fields.Integer(required=True, strict=True)
    version = fields.Integer(required=True, strict=True)
    erased = fields.Boolean(load_default=False)
    session_ends = fields.String(validate=_is_session_ends)  # Absent before 1.1.


_EVENT = AccountEvent()
_PROFILE = ("name", "avatar_digest", "avatar_reference")
_ENDS = "session_ends"


def avatar_url(base: str, account_id: int, digest: str, reference: str) -> str:
    """Return the ``avatar`` of an account for lists: a URL, the client's own reference, or ``""``.

    Args:
        base: the public base URL of the request.
        account_id: the account.
        digest: the digest of the uploaded image, or ``""``.
        reference: the client's reference, or ``""``.
    """
    return f"{base}/account/avatar/{account_id}/{digest}" if digest else reference


class AccountReplica(CallerQueries):
    """The copied accounts of one service.

    Args:
        db: the service's database.
        model: its table, with the columns of `AccountMixin`.

    Attributes:
        caller: the caller's account in statements of `with_caller`.
    """

    def __init__(self, db: Database, model: Any) -> None:
        super().__init__(db, model)
        self._model = model
        self._auth: ServiceClient | None = None
        self._erasures: Erasures | None = None
        # Statements are created once, because creating one costs more than executing it.
        table = model.__table__
        self._by_id = select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))
        self._state = select(
            table.c.generation,
            table.c.deleted,
            table.c.session_ends,
            (table.c.session_ends_version == table.c.version).label("is_complete"),
        ).where(table.c.id == bindparam("id"))
        self._complete_after = 0.0

    def configure(self, auth: ServiceClient, erasures: Erasures) -> None:
        """Set the source of missing accounts.

        Args:
            auth: the client of the auth service.
            erasures: erase the other data of accounts that auth has erased.
        """
        self._auth, self._erasures = auth, erasures

    def get_state(self, account_id: int) -> AccountState | None:
        """Get the state that decides whether the account's tokens are valid; None if it does not
        exist.
        """
        row: Any = self._db.execute(self._state, id=account_id).first()
        if row is None:
            row = self.get_many([account_id]).get(account_id)
        elif not row.is_complete and time.monotonic() >= self._complete_after:
            # An earlier version without sessions copied the account.
            self._fetch_missing([account_id])
            row = self._db.execute(self._state, id=account_id).one()
            if not row.is_complete:  # Auth is unavailable, or has an earlier version.
                self._complete_after = time.monotonic() + _SECONDS_BETWEEN_COMPLETIONS
        return row and AccountState(row.generation, row.deleted, row.session_ends)

    def is_active(self, account_id: int) -> bool:
        """Whether the account exists and is not deleted."""
        account = self.get_many([account_id]).get(account_id)
        return account is not None and not account.deleted

    def get_many(self, account_ids: Collection[int]) -> dict[int, Any]:
        """Get rows of accounts by id, without those that do not exist.

        Must not be called in a transaction, because it can call the auth service.
        """
        rows = self._load(account_ids)
        missing = set(account_ids) - rows.keys()
        if missing and self._fetch_missing(missing):
            rows |= self._load(missing)
        return rows

    def apply(self, state: dict[str, Any]) -> None:
        """Apply the state of an event, unless a newer one is stored.

        Raises:
            ValidationError: the state is invalid.
        """
        self._upsert([_EVENT.load(state)])

    def changes_profile(self, state: dict[str, Any]) -> bool:
        """Whether an event will change the name or avatar of a copied account.

        Raises:
            ValidationError: the state is invalid.
        """
        account = _EVENT.load(state)
        known = self._load([account["id"]]).get(account["id"])
        return (
            known is not None
            and not account["deleted"]
            and known.version < account["version"]
            and any(getattr(known, column) != account[column] for column in _PROFILE)
        )

    def resync(self) -> Iterator[int]:
        """Copy every account of the auth service, page by page.

        Yields:
            the number of accounts so far.

        Raises:
            UnreachableError: the auth service does not respond.
        """
        assert self._auth is not None
        after = count = 0
        while True:
            page = self._auth.get("/internal/accounts", after=after, limit=_PAGE_SIZE)["accounts"]
            if not page:
                return
            self._upsert([_EVENT.load(state) for state in page])
            after, count = page[-1]["id"], count + len(page)
            yield count

    def select_states(self) -> Select[*tuple[Any, ...]]:
        """Select the copied state of every account, by id."""
        table = self._model.__table__
        copied = (column for column in table.c if column.key in _EVENT.fields)
        return select(*copied, (table.c.email == "").label("erased")).order_by(table.c.id)

    def _load(self, account_ids: Collection[int]) -> dict[int, Any]:
        if not account_ids:
            return {}
        rows = self._db.execute(self._by_id, ids=list(account_ids)).all()
        return {row.id: row for row in rows}

    def _fetch_missing(self, account_ids: Collection[int]) -> bool:
        assert self._auth is not None
        missing_ids = sorted(account_ids)
        states: list[Any] = []
        try:
            for start in range(0, len(missing_ids), _MAX_IDS_PER_REQUEST):
                some = {"ids": missing_ids[start : start + _MAX_IDS_PER_REQUEST]}
                states += self._auth.post("/internal/accounts/find", some)["accounts"]
        except UnreachableError:
            log.warning("auth_unreachable", extra={"count": len(account_ids)})
        self._upsert([_EVENT.load(state) for state in states])
        return bool(states)

    def _upsert(self, states: list[dict[str, Any]]) -> None:
        if not states:
            return
        assert self._erasures is not None
        erased = [state["id"] for state in states if state.pop("erased")]
        states = sorted(states, key=lambda state: state["id"])
        complete = [s | {"session_ends_version": s["version"]} for s in states if _ENDS in s]
        with self._db.transaction():
            for some in (complete, [state for state in states if _ENDS not in state]):
                if some:
                    self._db.session.execute(self._upsert_statement(some[0].keys()), some)
            if erased:
                self._erasures.schedule(erased)

    def _upsert_statement(self, columns: Collection[str]) -> Any:
        """Build an upsert of these columns, for states that are newer or more complete than the
        stored ones.
        """
        model, new = self._model, self._db.insert(self._model)
        newer = new.excluded.version > model.version
        if _ENDS in columns:
            newer |= (new.excluded.version == model.version) & (
                new.excluded.session_ends_version > model.session_ends_version
            )
        return new.on_conflict_do_update(
            index_elements=["id"],
            set_={name: new.excluded[name] for name in columns if name != "id"},
            where=newer,
        )
