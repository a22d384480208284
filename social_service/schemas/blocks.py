"""Blocked users."""

from typing import Any

from marshmallow import fields

from shared.web.fields import Id, RequestSchema, ResponseSchema, Time
from social_service.schemas.people import avatar_of


class BlockedQuery(RequestSchema):
    """The user to block or unblock."""

    user_id = Id(required=True)


class BlockedUserOut(ResponseSchema):
    """A blocked user, and the time of the block."""

    id = fields.Integer()
    name = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    created_at = Time()


def blocked_user_out(blocked: Any, base: str) -> dict[str, Any]:
    """Build a `BlockedUserOut` from a block's row with the blocked account."""
    return {
        "id": blocked.id,
        "name": blocked.name,
        "avatar": avatar_of(blocked, base),
        "created_at": blocked.created_at,
    }


class BlocksOut(ResponseSchema):
    """The users whom the caller has blocked."""

    blocks = fields.List(fields.Nested(BlockedUserOut))
