"""Routes of friend groups."""

from typing import Any

from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import current_user_id
from social_service import errors
from social_service.domain import groups
from social_service.schemas.groups import (
    CreatedGroupOut,
    GroupDetailsOut,
    GroupIn,
    GroupMemberIn,
    GroupMembersOut,
    GroupQuery,
    GroupRenaming,
    GroupsOut,
    group_out,
)
from social_service.schemas.people import person_out

blueprint = Blueprint("friend_groups", __name__)


@blueprint.get("/groups")
@blueprint.success("success", GroupsOut)
def list_groups() -> dict[str, Any]:
    """List the caller's friend groups (分组管理/groups, 获取分组名单)."""
    return {"groups": [group_out(row) for row in groups.list_groups(current_user_id())]}


@blueprint.post("/groups")
@blueprint.arguments(GroupIn)
@blueprint.success("success", CreatedGroupOut, message="分组创建成功")
@blueprint.errors(errors.GROUP_EXISTS)
def create_group(name: str) -> dict[str, Any]:
    """Create a friend group (分组管理/groups, 创建分组)."""
    return {"group_id": groups.create_group(current_user_id(), name)}


@blueprint.get("/groups/manage_groups")
@blueprint.arguments(GroupQuery)
@blueprint.success("success", GroupDetailsOut)
@blueprint.errors(errors.GROUP_NOT_FOUND)
def show_group(group_id: int) -> dict[str, Any]:
    """Get a friend group (分组操作/groups/manage_groups, 查看分组详情)."""
    base = public_base_url()
    group, members = groups.get_group(current_user_id(), group_id)
    return {"group": {**group_out(group), "members": [person_out(row, base) for row in members]}}


@blueprint.put("/groups/manage_groups")
@blueprint.arguments(GroupRenaming)
@blueprint.success("success", message="修改分组名称成功")
@blueprint.errors(errors.GROUP_NOT_FOUND, errors.GROUP_NAME_EXISTS)
def rename_group(group_id: int, new_name: str) -> None:
    """Rename a friend group (分组操作/groups/manage_groups, 修改分组名称)."""
    groups.rename_group(current_user_id(), group_id, new_name)


@blueprint.delete("/groups/manage_groups")
@blueprint.arguments(GroupQuery)
@blueprint.success("success", message="删除分组成功")
@blueprint.errors(errors.GROUP_NOT_FOUND)
def delete_group(group_id: int) -> None:
    """Delete a friend group (分组操作/groups/manage_groups, 删除分组)."""
    groups.delete_group(current_user_id(), group_id)


@blueprint.get("/groups/members")
@blueprint.arguments(GroupQuery)
@blueprint.success("success", GroupMembersOut)
@blueprint.errors(errors.GROUP_NOT_FOUND)
def list_members(group_id: int) -> dict[str, Any]:
    """List a friend group's members (组内成员管理/groups/members, 获取分组成员列表)."""
    base = public_base_url()
    members = groups.list_members(current_user_id(), group_id)
    return {"members": [person_out(row, base) for row in members]}


@blueprint.post("/groups/members")
@blueprint.arguments(GroupMemberIn)
@blueprint.success("success", message="添加分组成员成功")
@blueprint.errors(
    errors.GROUP_NOT_FOUND_FOR_MEMBERS, errors.MEMBER_NOT_FRIEND, errors.MEMBER_ALREADY_IN_GROUP
)
def add_member(group_id: int, member_id: int) -> None:
    """Add a friend to a group (组内成员管理/groups/members, 添加分组成员)."""
    groups.add_member(current_user_id(), group_id, member_id)


@blueprint.delete("/groups/members")
@blueprint.arguments(GroupMemberIn)
@blueprint.success("success", message="删除分组成员成功")
@blueprint.errors(errors.GROUP_NOT_FOUND_FOR_MEMBERS, errors.MEMBER_NOT_IN_GROUP)
def remove_member(group_id: int, member_id: int) -> None:
    """Remove a friend from a group (组内成员管理/groups/members, 删除分组成员)."""
    groups.remove_member(current_user_id(), group_id, member_id)
