"""Endpoints of the management of groups."""

from chat_service import errors
from chat_service.domain import groups
from chat_service.schemas import ConversationIn
from chat_service.schemas.groups import GroupInfoIn, MemberIn
from shared.web.api import MIB, Blueprint
from shared.web.authentication import current_user_id

blueprint = Blueprint("group_chats", __name__)


@blueprint.post("/conversations/manage/admin")
@blueprint.arguments(MemberIn)
@blueprint.success(message="设置群组管理员成功")
@blueprint.errors(
    errors.CONVERSATION_NOT_FOUND,
    errors.ONLY_OWNER_SETS_ADMINS,
    errors.USER_NOT_FOUND,
    errors.USER_NOT_IN_CONVERSATION,
    errors.ALREADY_ADMIN,
)
def grant_admin(conversation_id: int, user_id: int) -> None:
    """Promote a member to admin (设置/解除群组管理员 /conversations/manage/admin)."""
    groups.grant_admin(conversation_id, current_user_id(), user_id)


@blueprint.delete("/conversations/manage/admin")
@blueprint.arguments(MemberIn)
@blueprint.success(message="解除群组管理员成功")
@blueprint.errors(
    errors.CONVERSATION_NOT_FOUND,
    errors.ONLY_OWNER_SETS_ADMINS,
    errors.USER_NOT_FOUND,
    errors.USER_NOT_IN_CONVERSATION,
    errors.NOT_AN_ADMIN,
)
def revoke_admin(conversation_id: int, user_id: int) -> None:
    """Demote an admin to member (设置/解除群组管理员 /conversations/manage/admin)."""
    groups.revoke_admin(conversation_id, current_user_id(), user_id)


@blueprint.post("/conversations/manage/ownership_transfer")
@blueprint.arguments(MemberIn)
@blueprint.success(message="群主转让成功")
@blueprint.errors(
    errors.CONVERSATION_NOT_FOUND,
    errors.ONLY_OWNER_TRANSFERS,
    errors.CANNOT_TRANSFER_TO_SELF,
    errors.USER_NOT_FOUND,
    errors.USER_NOT_IN_CONVERSATION,
)
def transfer_ownership(conversation_id: int, user_id: int) -> None:
    """Transfer the ownership of a group (群主转让/conversations/manage/ownership_transfer)."""
    groups.transfer_ownership(conversation_id, current_user_id(), user_id)


@blueprint.post("/conversations/member/remove")
@blueprint.arguments(ConversationIn)
@blueprint.success(message="退出群组成功")
@blueprint.errors(errors.CONVERSATION_NOT_FOUND, errors.NOT_IN_GROUP_TO_LEAVE)
def leave_group(conversation_id: int) -> None:
    """Leave a group; the owner dissolves it (退出群组或移除群成员 /conversations/member/remove)."""
    groups.leave_group(conversation_id, current_user_id())


@blueprint.delete("/conversations/member/remove")
@blueprint.arguments(MemberIn)
@blueprint.success(message="移除群成员成功")
@blueprint.errors(
    errors.CONVERSATION_NOT_FOUND,
    errors.MAY_NOT_REMOVE,
    errors.USER_NOT_FOUND,
    errors.USER_NOT_IN_CONVERSATION,
    errors.ONLY_OWNER_REMOVES_ADMINS,
    errors.OWNER_CANNOT_REMOVE_SELF,
)
def remove_member(conversation_id: int, user_id: int) -> None:
    """Remove a member from a group (退出群组或移除群成员 /conversations/member/remove)."""
    groups.remove_member(conversation_id, current_user_id(), user_id)


@blueprint.post("/conversations/manage/info")
@blueprint.arguments(GroupInfoIn, max_bytes=8 * MIB)
@blueprint.success(message="修改群信息成功")
@blueprint.errors(errors.CONVERSATION_NOT_FOUND, errors.MAY_NOT_UPDATE)
def update_group(conversation_id: int, name: str | None = None, avatar: str | None = None) -> None:
    """Update a group's name and picture (更新群信息/conversations/manage/info)."""
    groups.update_group(conversation_id, current_user_id(), name, avatar)
