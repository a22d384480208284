"""Shapes of what the social service takes and answers.

Beside each shape of an answer stands the function that makes it of a row: models keep the
better names, the document's own are found here only.
"""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from shared.data.accounts import avatar_url
from shared.web.fields import Id, RequestSchema, ResponseSchema, Text, Time
from social_service.models import RequestStatus

_GROUP_NAME = Length(min=1, max=100)


class NameQuery(RequestSchema):
    """用户查找/search_user."""

    name = Text(
        required=True,
        data_key="query_name",
        validate=Length(min=1),
        metadata={"example": "username"},
    )


class PersonQuery(RequestSchema):
    """查询单独用户信息/search_user_detail."""

    person_id = Id(required=True, data_key="userId")


class FriendRequestIn(RequestSchema):
    """好友申请/add_friend."""

    target_id = Id(required=True)
    message = Text(load_default="", validate=Length(max=255), metadata={"example": "Hello"})


class FriendRequestHandled(RequestSchema):
    """处理好友申请/friend_request_handle."""

    sender_id = Id(required=True, data_key="sender_user_id")
    receiver_id = Id(required=True, data_key="receiver_user_id")


class FriendQuery(RequestSchema):
    """好友操作/manage_friends."""

    friend_id = Id(required=True)


class GroupIn(RequestSchema):
    """创建分组."""

    name = Text(required=True, validate=_GROUP_NAME, metadata={"example": "Classmates"})


class GroupQuery(RequestSchema):
    """分组操作/groups/manage_groups, and 获取分组成员列表."""

    group_id = Id(required=True)


class GroupRenaming(RequestSchema):
    """修改分组名称."""

    group_id = Id(required=True)
    new_name = Text(required=True, validate=_GROUP_NAME, metadata={"example": "Colleagues"})


class GroupMemberIn(RequestSchema):
    """添加分组成员, 删除分组成员."""

    group_id = Id(required=True)
    member_id = Id(required=True)


class BlockedQuery(RequestSchema):
    """Whom to block or unblock."""

    user_id = Id(required=True)


class FriendshipPage(RequestSchema):
    """A page of friendships: those after an id."""

    after = Id(load_default=0)
    limit = fields.Integer(load_default=500, validate=Range(min=1, max=1000))


class PersonOut(ResponseSchema):
    """A person in a list of friends or of a group's members."""

    id = fields.Integer()
    email = fields.String()
    name = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    deleted = fields.Boolean()


def person_out(account: Any, base: str) -> dict[str, Any]:
    """A `PersonOut` of an account's row; pictures load from ``base``."""
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "avatar": _avatar(account, base),
        "deleted": account.deleted,
    }


class FoundPersonOut(ResponseSchema):
    """A person whose name was searched for."""

    user_id = fields.Integer()
    name = fields.String()
    email = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    is_friend = fields.Boolean()
    deleted = fields.Boolean()


def found_person_out(found: Any, base: str) -> dict[str, Any]:
    """A `FoundPersonOut` of an account's row with ``is_friend``."""
    return {
        "user_id": found.id,
        "name": found.name,
        "email": found.email,
        "avatar": _avatar(found, base),
        "is_friend": found.is_friend,
        "deleted": found.deleted,
    }


class PersonDetailOut(ResponseSchema):
    """A person on his own."""

    id = fields.Integer()
    name = fields.String()
    email = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    user_info = fields.String()
    is_friend = fields.Boolean()
    is_deleted = fields.Boolean()


def person_detail_out(account: Any, is_friend: bool, base: str) -> dict[str, Any]:
    """A `PersonDetailOut` of an account's row."""
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "avatar": _avatar(account, base),
        "user_info": account.user_info,
        "is_friend": is_friend,
        "is_deleted": account.deleted,
    }


class ReceivedRequestOut(ResponseSchema):
    """A friend request as its receiver sees it: who asked, what and when, and its status."""

    sender_user_id = fields.Integer()
    receiver_user_id = fields.Integer()
    user_email = fields.String(metadata={"description": "The sender's."})
    user_name = fields.String(metadata={"description": "The sender's."})
    avatar = fields.String(metadata={"description": "The sender's: a URL, or empty."})
    message = fields.String()
    created_at = Time()
    status = fields.Integer(
        validate=OneOf(list(RequestStatus)),
        metadata={"description": "0 waiting, 1 accepted, 2 refused, 3 became friends otherwise."},
    )


def received_request_out(received: Any, base: str) -> dict[str, Any]:
    """A `ReceivedRequestOut` of a request's row with the sender's account."""
    return {
        "sender_user_id": received.sender_id,
        "receiver_user_id": received.receiver_id,
        "user_email": received.email,
        "user_name": received.name,
        "avatar": _avatar(received, base),
        "message": received.message,
        "created_at": received.created_at,
        "status": received.status,
    }


class GroupOut(ResponseSchema):
    """A friend group."""

    id = fields.Integer()
    name = fields.String()


def group_out(group: Any) -> dict[str, Any]:
    """A `GroupOut` of a group's row."""
    return {"id": group.id, "name": group.name}


class GroupDetailOut(GroupOut):
    """A friend group with its members."""

    members = fields.List(fields.Nested(PersonOut))


class FriendOut(PersonOut):
    """A friend, and the caller's groups that he is in."""

    user_info = fields.String()
    groups = fields.List(fields.Nested(GroupOut))


def friend_out(account: Any, groups: Any, base: str) -> dict[str, Any]:
    """A `FriendOut` of an account's row and rows of groups."""
    return {
        **person_out(account, base),
        "user_info": account.user_info,
        "groups": [group_out(group) for group in groups],
    }


class BlockedUserOut(ResponseSchema):
    """A user whom the caller has blocked, and since when."""

    id = fields.Integer()
    name = fields.String()
    avatar = fields.String(metadata={"description": "A URL, or empty."})
    created_at = Time()


def blocked_user_out(blocked: Any, base: str) -> dict[str, Any]:
    """A `BlockedUserOut` of a block's row with the blocked account."""
    return {
        "id": blocked.id,
        "name": blocked.name,
        "avatar": _avatar(blocked, base),
        "created_at": blocked.created_at,
    }


class FoundPeopleOut(ResponseSchema):
    """Everybody of that name."""

    results = fields.List(fields.Nested(FoundPersonOut))


class PersonDetailsOut(ResponseSchema):
    """One person."""

    user = fields.Nested(PersonDetailOut)


class ReceivedRequestsOut(ResponseSchema):
    """What the caller was asked."""

    requests = fields.List(fields.Nested(ReceivedRequestOut))


class FriendsOut(ResponseSchema):
    """The caller's friends."""

    friends = fields.List(fields.Nested(PersonOut))


class BlocksOut(ResponseSchema):
    """The users whom the caller has blocked."""

    blocks = fields.List(fields.Nested(BlockedUserOut))


class GroupsOut(ResponseSchema):
    """The caller's groups."""

    groups = fields.List(fields.Nested(GroupOut))


class CreatedGroupOut(ResponseSchema):
    """The new group."""

    group_id = fields.Integer()


class GroupDetailsOut(ResponseSchema):
    """One group."""

    group = fields.Nested(GroupDetailOut)


class GroupMembersOut(ResponseSchema):
    """The members of a group."""

    members = fields.List(fields.Nested(PersonOut))


def _avatar(account: Any, base: str) -> str:
    return avatar_url(base, account.id, account.avatar_digest, account.avatar_reference)
