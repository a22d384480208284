"""Endpoints of announcements."""

from typing import Any

from chat_service import errors
from chat_service.domain import announcements
from chat_service.schemas import ConversationIn
from chat_service.schemas.groups import (
    AnnouncementIdIn,
    AnnouncementIn,
    AnnouncementOut,
    AnnouncementsOut,
    announcements_out,
)
from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import current_user_id

blueprint = Blueprint("announcements", __name__)


@blueprint.get("/conversations/manage/notifications")
@blueprint.arguments(ConversationIn)
@blueprint.success("success", AnnouncementsOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND)
def list_announcements(conversation_id: int) -> dict[str, Any]:
    """List a group's announcements (查看、发布及删除群公告/conversations/manage/notifications)."""
    posted = announcements.list_announcements(conversation_id, current_user_id())
    return announcements_out(posted, public_base_url())


@blueprint.post("/conversations/manage/notifications")
@blueprint.arguments(AnnouncementIn)
@blueprint.success("success", AnnouncementOut, message="发布群公告成功")
@blueprint.errors(
    errors.CONVERSATION_NOT_FOUND,
    errors.MAY_NOT_ANNOUNCE,
    errors.CONTENT_EMPTY,
    errors.CONTENT_TOO_LONG,
)
def post_announcement(conversation_id: int, content: str) -> dict[str, Any]:
    """Post an announcement (查看、发布及删除群公告/conversations/manage/notifications)."""
    announcement_id = announcements.post_announcement(conversation_id, current_user_id(), content)
    return {"notification_id": announcement_id}


@blueprint.delete("/conversations/manage/notifications")
@blueprint.arguments(AnnouncementIdIn)
@blueprint.success(message="删除群公告成功")
@blueprint.errors(errors.ANNOUNCEMENT_NOT_FOUND, errors.MAY_NOT_DELETE_ANNOUNCEMENT)
def delete_announcement(announcement_id: int) -> None:
    """Delete an announcement (查看、发布及删除群公告/conversations/manage/notifications)."""
    announcements.delete_announcement(announcement_id, current_user_id())
