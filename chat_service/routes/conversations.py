"""Endpoints of conversations."""

import secrets
from typing import Any

from flask import Response, after_this_request

from chat_service import errors
from chat_service.domain import conversations
from chat_service.schemas import ConversationIn
from chat_service.schemas.conversations import (
    ConversationsOut,
    GroupIn,
    GroupOut,
    MembersOut,
    SettingsIn,
    SettingsOut,
    conversation_out,
    members_out,
    settings_out,
)
from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import current_user_id, defer_account_check, public

blueprint = Blueprint("conversations", __name__)


@blueprint.get("/conversations")
@defer_account_check
@blueprint.success("success", ConversationsOut)
def list_conversations() -> dict[str, Any]:
    """List the caller's conversations (获取聊天界面 /conversations: 获取会话列表)."""
    rows, base = conversations.list_conversations(current_user_id()), public_base_url()
    return {"conversation": [conversation_out(row, base) for row in rows]}


@blueprint.post("/conversations")
@blueprint.arguments(GroupIn)
@blueprint.success("success", GroupOut, message="创建会话成功")
@blueprint.errors(errors.MEMBER_UNKNOWN, errors.NOT_FRIEND)
def create_group(member_ids: list[int], name: str) -> dict[str, Any]:
    """Create a group conversation (获取聊天界面 /conversations: 创建会话)."""
    return {"conversation_id": conversations.create_group(current_user_id(), name, member_ids)}


@blueprint.get("/conversations/get_members")
@blueprint.arguments(ConversationIn)
@blueprint.success("Succeed", MembersOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND)
def list_members(conversation_id: int) -> dict[str, Any]:
    """List the members of a conversation (beyond the document: /conversations/get_members)."""
    members = conversations.list_members(conversation_id, current_user_id())
    return members_out(members, public_base_url())


@blueprint.get("/interface")
@blueprint.arguments(ConversationIn)
@blueprint.success("Succeed", SettingsOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.NO_ACCESS)
def get_settings(conversation_id: int) -> dict[str, Any]:
    """Get the caller's settings of a conversation (会话管理 /interface: 查看会话详情)."""
    return settings_out(conversations.get_settings(conversation_id, current_user_id()))


@blueprint.post("/interface")
@blueprint.arguments(SettingsIn)
@blueprint.success("Succeed")
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.NO_ACCESS)
def update_settings(
    conversation_id: int,
    is_pinned: bool | None = None,
    notices_on: bool | None = None,
    unread: int | None = None,
) -> None:
    """Pin, mute, mark as unread (会话管理 /interface: 置顶会话、消息免打扰、未读信息数设置)."""
    conversations.update_settings(
        conversation_id,
        current_user_id(),
        is_pinned=is_pinned,
        notices_on=notices_on,
        unread=unread,
    )


@blueprint.get("/csrf")
@public
@blueprint.success("Succeed")
def set_csrf_cookie() -> None:
    """Set the csrftoken cookie of existing clients, never checked (beyond the document)."""

    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie("csrftoken", secrets.token_urlsafe(24), samesite="Lax")
        return response
