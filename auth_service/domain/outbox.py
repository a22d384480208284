"""What the other services are told."""

from typing import Any

from auth_service.db import db
from auth_service.models import Account, OutboxEvent
from shared.outbox import Event, Outbox

outbox = Outbox(db, OutboxEvent)


def account_state(account: Account) -> dict[str, Any]:
    """The whole state of an account, as the other services copy it."""
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "user_info": account.user_info,
        "avatar_digest": account.avatar_digest,
        "avatar_reference": account.avatar_reference,
        "deleted": account.deleted,
        "generation": account.generation,
        "version": account.version,
    }


def account_changed(account: Account) -> Event:
    """The event that carries an account's new state."""
    return {"type": "account", "state": account_state(account)}
