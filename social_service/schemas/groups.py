"""Friend groups."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from shared.web.fields import Id, RequestSchema, ResponseSchema, Text
from social_service.schemas.people import PersonOut

_GROUP_NAME = Length(min=1, max=100)


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


class GroupOut(ResponseSchema):
    """A friend group."""

    id = fields.Integer()
    name = fields.String()


def group_out(group: Any) -> dict[str, Any]:
    """Build a `GroupOut` from a group's row."""
    return {"id": group.id, "name": group.name}


class GroupDetailOut(GroupOut):
    """A friend group with its members."""

    members = fields.List(fields.Nested(PersonOut))


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
