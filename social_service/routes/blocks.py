"""Routes of blocks."""

from typing import Any

from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import current_user_id
from social_service import errors
from social_service.domain import blocks
from social_service.schemas.blocks import BlockedQuery, BlocksOut, blocked_user_out

blueprint = Blueprint("blocks", __name__)


@blueprint.get("/blocks")
@blueprint.success("Succeed", BlocksOut)
def list_blocks() -> dict[str, Any]:
    """List the users whom the caller has blocked, newest first."""
    base = public_base_url()
    rows = blocks.list_blocks(current_user_id())
    return {"blocks": [blocked_user_out(row, base) for row in rows]}


@blueprint.post("/blocks")
@blueprint.arguments(BlockedQuery)
@blueprint.success("Succeed")
@blueprint.errors(errors.USER_NOT_FOUND, errors.CANNOT_BLOCK_SELF, errors.TOO_MANY_BLOCKS)
def block(user_id: int) -> None:
    """Block a user.

    This ends a friendship and deletes its requests. Later requests of the blocked user get the
    usual response but are not delivered.
    """
    blocks.block_user(current_user_id(), user_id)


@blueprint.delete("/blocks")
@blueprint.arguments(BlockedQuery)
@blueprint.success("Succeed")
@blueprint.errors(errors.USER_NOT_FOUND, errors.CANNOT_BLOCK_SELF)
def unblock(user_id: int) -> None:
    """Unblock a user and delete their withheld friend request."""
    blocks.unblock_user(current_user_id(), user_id)
