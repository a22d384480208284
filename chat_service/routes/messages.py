"""Endpoints of messages."""

from datetime import datetime
from typing import Any

from chat_service import errors
from chat_service.domain import (
    deletion,
    global_search,
    history,
    read_state,
    replies,
    search,
    sending,
    sync,
)
from chat_service.schemas.messages import (
    MessageIdIn,
    MessageIdsIn,
    MessagesIn,
    MessagesOut,
    ReadersOut,
    ReadIn,
    RepliesOut,
    SentOut,
    TextIn,
    messages_out,
    readers_out,
    replies_out,
    sent_out,
)
from chat_service.schemas.search import (
    FiltersIn,
    MessageSummariesOut,
    SearchIn,
    SearchOut,
    search_out,
    summaries_out,
)
from chat_service.schemas.sync import SyncIn, SyncOut, sync_out
from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.arguments import KIB
from shared.web.authentication import current_user_id, defer_account_check
from shared.web.errors import ErrorSpec

blueprint = Blueprint("messages", __name__)


@blueprint.get("/conversations/messages")
@defer_account_check
@blueprint.arguments(MessagesIn)
@blueprint.success("success", MessagesOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.NOT_IN_CONVERSATION_ZH)
def list_messages(
    conversation_id: int,
    since: datetime | None = None,
    limit: int | None = None,
    before_id: int | None = None,
    after_id: int | None = None,
    after_version: int | None = None,
    marks_read: bool = True,
) -> dict[str, Any]:
    """List the messages of a conversation (聊天消息发送 /conversations/messages: 获取消息列表)."""
    bounds = history.Bounds(since, before_id, after_id, after_version)
    page = history.list_messages(
        conversation_id, current_user_id(), bounds, limit=limit, marks_read=marks_read
    )
    return messages_out(page, public_base_url())


@blueprint.post("/conversations/messages")
@defer_account_check
@blueprint.arguments(TextIn)
@blueprint.success("Succeed", SentOut)
@blueprint.errors(
    errors.CONVERSATION_NOT_FOUND,
    errors.NOT_IN_CONVERSATION,
    errors.CONTENT_EMPTY,
    errors.CONTENT_TOO_LONG,
    errors.CLIENT_ID_USED,
    errors.REPLY_NOT_FOUND,
)
def send_text(
    conversation_id: int, content: str, reply_to_id: int | None = None, client_id: str | None = None
) -> dict[str, Any]:
    """Send a text message (聊天消息发送 /conversations/messages)."""
    sent = sending.send_text(conversation_id, current_user_id(), content, reply_to_id, client_id)
    return sent_out(sent)


@blueprint.delete("/conversations/messages")
@blueprint.arguments(MessageIdIn)
@blueprint.success("Succeed", message="删除聊天记录成功")
@blueprint.errors(errors.MESSAGE_NOT_FOUND_ZH, errors.MAY_NOT_DELETE)
def delete_message(message_id: int) -> None:
    """Delete a message for all members (彻底删除聊天记录 /conversations/messages)."""
    deletion.delete_message(message_id, current_user_id())


@blueprint.delete("/conversations/delete_messages")
@blueprint.arguments(MessageIdsIn)
@blueprint.success("Succeed", message="删除聊天记录成功")
@blueprint.errors(errors.MESSAGE_NOT_FOUND)
def hide_messages(message_ids: list[int]) -> None:
    """Hide messages for the caller (beyond the document: /conversations/delete_messages)."""
    deletion.hide_messages(message_ids, current_user_id())


@blueprint.get("/conversations/get_reply")
@blueprint.arguments(MessageIdIn)
@blueprint.success("success", RepliesOut)
@blueprint.errors(errors.MESSAGE_NOT_FOUND)
def list_replies(message_id: int) -> dict[str, Any]:
    """List the replies to a message (查看回复列表 /conversations/get_reply)."""
    return replies_out(replies.list_replies(message_id, current_user_id()), public_base_url())


@blueprint.get("/conversations/manage_messages")
@defer_account_check
@blueprint.arguments(FiltersIn)
@blueprint.success("success", MessageSummariesOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH)
def search_messages(
    conversation_id: int,
    since: datetime | None = None,
    until: datetime | None = None,
    sender_id: int | None = None,
    sender_name: str | None = None,
    content: str | None = None,
) -> dict[str, Any]:
    """Search a conversation (聊天记录管理 /conversations/manage_messages: 筛选聊天记录)."""
    filters = search.Filters(since, until, sender_id, sender_name, content)
    return _search_messages(conversation_id, filters, errors.CONVERSATION_NOT_FOUND_ZH)


@blueprint.post("/conversations/sift")
@defer_account_check
@blueprint.arguments(FiltersIn)
@blueprint.success("Succeed", MessageSummariesOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.NO_ACCESS_BAD_REQUEST)
def sift_messages(
    conversation_id: int,
    since: datetime | None = None,
    until: datetime | None = None,
    sender_id: int | None = None,
    sender_name: str | None = None,
    content: str | None = None,
) -> dict[str, Any]:
    """Search a conversation by POST (beyond the document: /conversations/sift)."""
    filters = search.Filters(since, until, sender_id, sender_name, content)
    return _search_messages(conversation_id, filters, errors.NO_ACCESS_BAD_REQUEST)


@blueprint.get("/conversations/search")
@blueprint.arguments(SearchIn)
@blueprint.success("Succeed", SearchOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH)
def search_all_conversations(
    content: str,
    limit: int,
    conversation_id: int | None = None,
    sender_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
) -> dict[str, Any]:
    """Search all conversations (beyond the document: /conversations/search)."""
    query = global_search.SearchQuery(
        content, limit, conversation_id, sender_id, since, until, before_id
    )
    page = global_search.search_all_conversations(current_user_id(), query)
    return search_out(page, public_base_url())


@blueprint.post("/conversations/sync")
@blueprint.arguments(SyncIn, max_bytes=128 * KIB)
@blueprint.success("Succeed", SyncOut)
def sync_conversations(
    versions: dict[int, int], limit: int, conversation_ids: list[int] | None = None
) -> dict[str, Any]:
    """Fetch what changed in all conversations (beyond the document: /conversations/sync)."""
    result = sync.sync(current_user_id(), versions, limit, conversation_ids)
    return sync_out(result, public_base_url())


@blueprint.post("/conversations/read")
@defer_account_check
@blueprint.arguments(ReadIn)
@blueprint.success("Succeed")
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.MESSAGE_NOT_FOUND_ZH)
def mark_read(conversation_id: int, message_id: int) -> None:
    """Mark as read up to a message (beyond the document: /conversations/read)."""
    read_state.mark_read(conversation_id, current_user_id(), message_id)


@blueprint.post("/conversations/readlist")
@blueprint.arguments(MessageIdIn)
@blueprint.success("Succeed", ReadersOut)
@blueprint.errors(errors.MESSAGE_NOT_FOUND_ZH, errors.NO_ACCESS_BAD_REQUEST)
def list_readers(message_id: int) -> dict[str, Any]:
    """List the users who have read a message (beyond the document: /conversations/readlist)."""
    return readers_out(read_state.list_readers(message_id, current_user_id()), public_base_url())


def _search_messages(
    conversation_id: int, filters: search.Filters, not_member: ErrorSpec
) -> dict[str, Any]:
    result = search.search_messages(conversation_id, current_user_id(), filters, not_member)
    return summaries_out(result, public_base_url())
