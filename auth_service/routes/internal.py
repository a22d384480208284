"""Routes for the other services. The callers' secret is checked before."""

from typing import Any

from auth_service.domain import accounts, sessions
from auth_service.schemas import AccountIds, AccountPage, SessionIds
from shared.web.api import Blueprint
from shared.web.authentication import public

blueprint = Blueprint("internal", __name__)


@blueprint.get("/internal/accounts")
@public
@blueprint.arguments(AccountPage)
@blueprint.success()
def list_accounts(after: int, limit: int) -> dict[str, Any]:
    """List all accounts by id, page by page, for a consumer that rebuilds its copy."""
    return {"accounts": accounts.list_states(after, limit)}


@blueprint.post("/internal/accounts/find")
@public
@blueprint.arguments(AccountIds)
@blueprint.success()
def find_accounts(ids: list[int]) -> dict[str, Any]:
    """Get the accounts of these ids, for a consumer whose copy lacks them."""
    return {"accounts": accounts.get_states(ids)}


@blueprint.post("/internal/sessions/seen")
@public
@blueprint.arguments(SessionIds)
@blueprint.success()
def record_sessions_seen(ids: list[int]) -> None:
    """Record that these sessions were used today, for their ``last_seen_at``."""
    sessions.record_seen(ids)
