"""Routes for the other services. The callers' secret is checked before."""

from typing import Any

from shared.web.api import Blueprint
from shared.web.authentication import public
from social_service.domain import friendships
from social_service.domain.outbox import friendship_state
from social_service.schemas.friends import FriendshipPage

blueprint = Blueprint("internal", __name__)


@blueprint.get("/internal/friendships")
@public
@blueprint.arguments(FriendshipPage)
@blueprint.success()
def list_friendships(after: int, limit: int) -> dict[str, Any]:
    """List a page of all friendships by id, for a consumer that rebuilds its copy."""
    page = friendships.list_friendships(after, limit)
    return {"friendships": [friendship_state(row) for row in page]}
