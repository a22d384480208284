"""Sessions. Each sign-in creates one with its own token, valid until it expires or is ended."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    delete,
    exists,
    false,
    func,
    select,
    update,
)

from auth_service import errors
from auth_service.db import db, transaction
from auth_service.domain.audit import audit
from auth_service.domain.outbox import account_changed, outbox
from auth_service.models import Account, Session
from shared.web.account_state import SessionEnds
from shared.web.authentication import Claims
from shared.web.errors import INVALID_JWT, ApiError

_MAX_OPEN = 100
_MAX_ENDED = 100  # Per account, for a list of the addresses that used it.
_MAX_TOKENS = 100
_EXPIRY_MARGIN = timedelta(minutes=1)  # A token is issued shortly after its session.


class Client(NamedTuple):
    """Origin of a request: its address, the network for rate limits, and its User-Agent."""

    address: str
    network: str
    device: str


UNKNOWN_CLIENT = Client("", "", "")
"""The client of a session of which only the token is known, and of an operator's command."""


class Sessions:
    """The lifetime of sessions."""

    def configure(self, token_lifetime: float) -> None:
        """Set the lifetime of sessions, which is that of tokens."""
        self.lifetime = timedelta(seconds=token_lifetime)


sessions = Sessions()


def begin_session(account: Account, client: Client) -> int:
    """Create a session of a locked account.

    Beyond the limit, the least recently used one ends.

    Returns:
        its id.
    """
    now = datetime.now(UTC)
    new = Session(
        account_id=account.id,
        address=client.address,
        network=client.network,
        device=client.device,
        created_at=now,
        last_seen_at=now,
        expires_at=now + sessions.lifetime + _EXPIRY_MARGIN,
    )
    db.session.add(new)
    db.session.flush()
    rows = db.session.execute(
        select(Session.id, Session.ended_at, Session.expires_at)
        .where(Session.account_id == account.id)
        .order_by(Session.last_seen_at, Session.id)
    ).all()
    ended = [row.id for row in rows if row.ended_at is not None]
    useless = {*ended[:-_MAX_ENDED], *(row.id for row in rows if row.expires_at < now)}
    if useless:
        db.session.execute(delete(Session).where(Session.id.in_(useless)))
    opened = [row.id for row in rows if row.ended_at is None and row.id not in useless]
    if excess := opened[: max(0, len(opened) - _MAX_OPEN)]:
        _end(account, excess)
        publish(account)
    return new.id


def record_seen(session_ids: Collection[int]) -> None:
    """Set ``last_seen_at`` of sessions to now, once a day (UTC). Unknown ids are ignored."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction():
        db.session.execute(
            update(Session)
            .where(Session.id.in_(session_ids), Session.last_seen_at < today)
            .values(last_seen_at=now)
        )


def list_sessions(claims: Claims, client: Client) -> list[dict[str, Any]]:
    """List the open sessions of an account, newest first; ``client`` is that of the current one."""
    if claims.session_id is None:
        _add_token(claims, client)
    rows = db.session.scalars(
        select(Session)
        .where(_is_open(claims.user_id, datetime.now(UTC)))
        .order_by(Session.created_at.desc(), Session.id.desc())
    ).all()
    current = {claims.session_id, claims.token_id}
    return [
        {
            "id": row.id,
            "created_at": row.created_at,
            "last_seen_at": row.last_seen_at,
            "device": row.device,
            "address": row.address,
            "current": (row.token_id or row.id) in current,
        }
        for row in rows
    ]


def end_current_session(claims: Claims) -> None:
    """End the session of a token."""
    if claims.session_id is None:
        _add_token(claims, UNKNOWN_CLIENT)
    _end_one(claims, _is_of(claims))  # A concurrent request may have ended it.


def end_sessions(claims: Claims, session_id: int | None, *, others: bool) -> None:
    """End a session of the caller, or all except that of the token.

    Raises:
        ApiError: ``SESSION_NOT_FOUND``.
    """
    if session_id is not None and not _end_one(claims, Session.id == session_id):
        raise ApiError(errors.SESSION_NOT_FOUND)
    if others:
        with transaction():
            account = _lock_account(claims)
            end_others(account, claims)
            audit.record("other_sessions_ended", account.id)
            publish(account)


def end_others(account: Account, claims: Claims) -> None:
    """End all sessions of a locked account except that of the token, also unknown ones."""
    end_rows(account.id, ~_is_of(claims))
    newest = db.session.scalar(select(func.max(Session.id)).where(Session.account_id == account.id))
    current = claims.session_id
    account.session_ends = SessionEnds(
        up_to=max(newest or 0, current or 0, SessionEnds.from_text(account.session_ends).up_to),
        open=frozenset() if current is None else frozenset([current]),
        tokens_open=False,
        tokens=frozenset([claims.token_id] if current is None else []),
    ).to_text()


def end_rows(account_id: int, *which: ColumnElement[bool]) -> None:
    """Mark sessions of an account as ended whose tokens are invalid for another reason."""
    db.session.execute(
        update(Session)
        .where(Session.account_id == account_id, Session.ended_at.is_(None), *which)
        .values(ended_at=datetime.now(UTC))
    )


def publish(account: Account) -> None:
    """Notify the other services of a locked account's new state."""
    account.version += 1
    outbox.add(account_changed(account))


def used_from(network: BindParameter[str]) -> ColumnElement[bool]:
    """Build the SQL condition that an account has recently had a session from a network."""
    return exists().where(Session.account_id == Account.id, Session.network == network)


def delete_expired() -> None:
    """Delete the sessions whose tokens have expired."""
    with transaction():
        db.session.execute(delete(Session).where(Session.expires_at < datetime.now(UTC)))


def _end_one(claims: Claims, which: ColumnElement[bool]) -> bool:
    """End a session of the caller, and return whether it was open."""
    with transaction():
        account = _lock_account(claims)
        is_open = _is_open(account.id, datetime.now(UTC))
        ids = db.session.scalars(select(Session.id).where(is_open, which)).all()
        if ids:
            _end(account, ids)
            audit.record("session_ended", account.id, session_id=ids[0])
            publish(account)
    return bool(ids)


def _end(account: Account, ids: Sequence[int]) -> None:
    """End open sessions of a locked account."""
    now = datetime.now(UTC)
    ended = db.session.execute(
        update(Session)
        .where(Session.id.in_(ids))
        .values(ended_at=now)
        .returning(Session.id, Session.token_id)
    ).all()
    ends = SessionEnds.from_text(account.session_ends)
    up_to = max([ends.up_to, *(row.id for row in ended if row.token_id is None)])
    is_open = _is_open(account.id, now)
    still_open = db.session.execute(select(Session.id, Session.token_id).where(is_open)).all()
    open_ids = frozenset(row.id for row in still_open if row.token_id is None and row.id <= up_to)
    # Ended tokens are listed. When the list is long, valid tokens are listed instead.
    tokens_open = ends.tokens_open
    tokens = ends.tokens ^ {row.token_id for row in ended if row.token_id is not None}
    if tokens_open and len(tokens) > _MAX_TOKENS:
        tokens_open = False
        tokens = frozenset(row.token_id for row in still_open if row.token_id is not None)
    account.session_ends = SessionEnds(up_to, open_ids, tokens_open, tokens).to_text()


def _lock_account(claims: Claims) -> Account:
    """Lock the account of a valid token for the transaction."""
    account: Account = db.session.get_one(Account, claims.user_id, with_for_update=True)
    if account.deleted or account.generation != claims.generation:
        raise ApiError(INVALID_JWT)
    return account


def _add_token(claims: Claims, client: Client) -> None:
    """Ensure a row for the session of a token from before sessions existed."""
    expires_at = datetime.fromtimestamp(claims.expires_at, UTC)
    with transaction():
        db.session.execute(
            db.insert(Session)
            .values(
                account_id=claims.user_id,
                token_id=claims.token_id,
                address=client.address,
                network=client.network,
                device=client.device,
                created_at=expires_at - sessions.lifetime,
                last_seen_at=datetime.now(UTC),
                expires_at=expires_at,
            )
            .on_conflict_do_nothing(index_elements=["token_id"])
        )


def _is_open(account_id: int, now: datetime) -> ColumnElement[bool]:
    return and_(
        Session.account_id == account_id, Session.ended_at.is_(None), Session.expires_at > now
    )


def _is_of(claims: Claims) -> ColumnElement[bool]:
    """Build the SQL condition that a session is that of a token."""
    if claims.session_id is None:
        return func.coalesce(Session.token_id == claims.token_id, false())
    return Session.id == claims.session_id
