"""Friends, and the pages of friendships that other services read."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Range

from shared.web.fields import Id, RequestSchema, ResponseSchema
from social_service.schemas.groups import GroupOut, group_out
from social_service.schemas.people import PersonOut, person_out


class FriendQuery(RequestSchema):
    """好友操作/manage_friends."""

    friend_id = Id(required=True)


class FriendshipPage(RequestSchema):
    """A page of friendships after an id."""

    after = Id(load_default=0)
    limit = fields.Integer(load_default=500, validate=Range(min=1, max=1000))


class FriendOut(PersonOut):
    """A friend, and the caller's groups that contain them."""

    user_info = fields.String()
    groups = fields.List(fields.Nested(GroupOut))


def friend_out(account: Any, groups: Any, base: str) -> dict[str, Any]:
    """Build a `FriendOut` from an account's row and rows of groups."""
    return {
        **person_out(account, base),
        "user_info": account.user_info,
        "groups": [group_out(group) for group in groups],
    }


class FriendsOut(ResponseSchema):
    """The caller's friends."""

    friends = fields.List(fields.Nested(PersonOut))
