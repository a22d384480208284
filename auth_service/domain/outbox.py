"""Events to the other services."""

from typing import Any

from auth_service.db import db
from auth_service.models import Account, OutboxEvent
from shared.data.outbox import Event, Outbox

outbox = Outbox(db, OutboxEvent)

STATE_COLUMNS = (
    Account.id,
    Account.name,
    Account.email,
    Account.user_info,
    Account.avatar_digest,
    Account.avatar_reference,
    Account.deleted,
    Account.generation,
    Account.session_ends,
    Account.version,
    Account.erased,
)
"""The complete state of an account, as the other services copy it."""


def account_changed(account: Account) -> Event:
    """Create the event with an account's new state."""
    state: dict[str, Any] = {column.key: getattr(account, column.key) for column in STATE_COLUMNS}
    return {"type": "account", "state": state}
