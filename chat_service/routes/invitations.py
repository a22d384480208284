"""Endpoints of invitations."""

from typing import Any

from chat_service import errors
from chat_service.domain import invitations
from chat_service.schemas import ConversationIn
from chat_service.schemas.groups import (
    HandleInvitationIn,
    InvitationListOut,
    InvitationsOut,
    InviteIn,
    InviteOut,
    invitation_list_out,
)
from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import current_user_id

blueprint = Blueprint("invitations", __name__)

_handling_errors = blueprint.errors(
    errors.INVITATION_NOT_FOUND,
    errors.MAY_NOT_HANDLE,
    errors.INVITATION_HANDLED,
    errors.INVITED_ALREADY_MEMBER,
)


@blueprint.post("/conversations/member/add")
@blueprint.arguments(InviteIn)
@blueprint.success("success", InviteOut, message="邀请成功，等待管理员确认")
@blueprint.errors(
    errors.CONVERSATION_NOT_FOUND,
    errors.ALREADY_MEMBER,
    errors.NOT_YOUR_FRIEND,
    errors.INVITATION_WAITING,
)
def invite(conversation_id: int, receiver_ids: list[int]) -> dict[str, Any]:
    """Invite friends to a group (进群邀请/conversations/member/add)."""
    return {"invite_ids": invitations.invite(conversation_id, current_user_id(), receiver_ids)}


@blueprint.get("/conversations/<conversation_id>/invitation")
@blueprint.arguments(ConversationIn)
@blueprint.success("success", InvitationListOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND)
def list_invitations_by_path(conversation_id: int) -> dict[str, Any]:
    """List a group's invitations (获取群组邀请/conversations/<conversation_id>/invitation)."""
    return {"invitation": _list_invitations(conversation_id)}


@blueprint.get("/conversations/invitation")
@blueprint.arguments(ConversationIn)
@blueprint.success("success", InvitationsOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND)
def list_invitations(conversation_id: int) -> dict[str, Any]:
    """List a group's invitations (later edition: /conversations/invitation)."""
    return {"invitations": _list_invitations(conversation_id)}


@blueprint.post("/conversations/manage/handle_invitation")
@blueprint.arguments(HandleInvitationIn)
@blueprint.success("success", message="同意该用户入群")
@_handling_errors
def accept(invitation_id: int, conversation_id: int | None = None) -> None:
    """Accept an invitation (处理入群邀请/conversations/manage/handle_invitation)."""
    invitations.accept(invitation_id, current_user_id(), conversation_id)


@blueprint.delete("/conversations/manage/handle_invitation")
@blueprint.arguments(HandleInvitationIn)
@blueprint.success("success", message="拒绝该用户入群")
@_handling_errors
def reject(invitation_id: int, conversation_id: int | None = None) -> None:
    """Reject an invitation (处理入群邀请/conversations/manage/handle_invitation)."""
    invitations.reject(invitation_id, current_user_id(), conversation_id)


def _list_invitations(conversation_id: int) -> Any:
    sent = invitations.list_invitations(conversation_id, current_user_id())
    return invitation_list_out(sent, public_base_url())
