"""Messages over HTTP."""

from typing import Any

from chat_service import errors
from chat_service.domain import (
    history,
    messages,
    reading,
    replies,
    search,
    search_everywhere,
    sending,
    sync,
)
from chat_service.schemas.messages import (
    FiltersIn,
    FoundMessagesOut,
    MessageIdIn,
    MessageIdsIn,
    MessagesIn,
    MessagesOut,
    ReadersOut,
    ReadIn,
    RepliesOut,
    SearchIn,
    SearchOut,
    SentOut,
    SyncIn,
    SyncOut,
    TextIn,
)
from shared.service import public_base_url
from shared.web.api import KIB, Blueprint
from shared.web.authentication import current_user_id
from shared.web.errors import ErrorSpec

blueprint = Blueprint("messages", __name__)


@blueprint.get("/conversations/messages")
@blueprint.arguments(MessagesIn)
@blueprint.success("success", MessagesOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.NOT_IN_CONVERSATION_ZH)
def messages_in(conversation_id: int, **bounds: Any) -> dict[str, Any]:
    """List the messages of a conversation (聊天消息发送 /conversations/messages: 获取消息列表)."""
    return history.messages_in(conversation_id, current_user_id(), public_base_url(), **bounds)


@blueprint.post("/conversations/messages")
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
def send_text(conversation_id: int, **text: Any) -> dict[str, Any]:
    """Send a text message (聊天消息发送 /conversations/messages)."""
    sent = sending.send_text(conversation_id, current_user_id(), **text)
    return {"message_id": sent.message_id, "seq": sent.seq, "created_time": sent.created_at}


@blueprint.delete("/conversations/messages")
@blueprint.arguments(MessageIdIn)
@blueprint.success("Succeed", message="删除聊天记录成功")
@blueprint.errors(errors.MESSAGE_NOT_FOUND_ZH, errors.MAY_NOT_DELETE)
def delete_for_everybody(message_id: int) -> None:
    """Delete a message for everybody (彻底删除聊天记录 /conversations/messages)."""
    messages.delete_for_everybody(message_id, current_user_id())


@blueprint.delete("/conversations/delete_messages")
@blueprint.arguments(MessageIdsIn)
@blueprint.success("Succeed", message="删除聊天记录成功")
@blueprint.errors(errors.MESSAGE_NOT_FOUND)
def hide_messages(message_ids: list[int]) -> None:
    """Hide messages from the own view (beyond the document: /conversations/delete_messages)."""
    messages.hide_messages(message_ids, current_user_id())


@blueprint.get("/conversations/get_reply")
@blueprint.arguments(MessageIdIn)
@blueprint.success("success", RepliesOut)
@blueprint.errors(errors.MESSAGE_NOT_FOUND)
def replies_to(message_id: int) -> dict[str, Any]:
    """List the replies to a message (查看回复列表 /conversations/get_reply)."""
    return replies.replies_to(message_id, current_user_id(), public_base_url())


@blueprint.get("/conversations/manage_messages")
@blueprint.arguments(FiltersIn)
@blueprint.success("success", FoundMessagesOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH)
def messages_found(conversation_id: int, **filters: Any) -> dict[str, Any]:
    """Search a conversation (聊天记录管理 /conversations/manage_messages: 筛选聊天记录)."""
    return _messages_found(conversation_id, errors.CONVERSATION_NOT_FOUND_ZH, filters)


@blueprint.post("/conversations/sift")
@blueprint.arguments(FiltersIn)
@blueprint.success("Succeed", FoundMessagesOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.NO_ACCESS_BAD_REQUEST)
def sift_messages(conversation_id: int, **filters: Any) -> dict[str, Any]:
    """Search a conversation by POST (beyond the document: /conversations/sift)."""
    return _messages_found(conversation_id, errors.NO_ACCESS_BAD_REQUEST, filters)


@blueprint.get("/conversations/search")
@blueprint.arguments(SearchIn)
@blueprint.success("Succeed", SearchOut)
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH)
def find_everywhere(content: str, **filters: Any) -> dict[str, Any]:
    """Search all conversations (beyond the document: /conversations/search)."""
    return search_everywhere.find_everywhere(
        current_user_id(), public_base_url(), content=content, **filters
    )


@blueprint.post("/conversations/sync")
@blueprint.arguments(SyncIn, max_bytes=128 * KIB)
@blueprint.success("Succeed", SyncOut)
def sync_conversations(versions: dict[int, int], **bounds: Any) -> dict[str, Any]:
    """Fetch what changed in all conversations (beyond the document: /conversations/sync)."""
    return sync.sync(current_user_id(), public_base_url(), versions, **bounds)


@blueprint.post("/conversations/read")
@blueprint.arguments(ReadIn)
@blueprint.success("Succeed")
@blueprint.errors(errors.CONVERSATION_NOT_FOUND_ZH, errors.MESSAGE_NOT_FOUND_ZH)
def mark_read(conversation_id: int, message_id: int) -> None:
    """Mark as read up to a message (beyond the document: /conversations/read)."""
    reading.mark_read(conversation_id, current_user_id(), message_id)


@blueprint.post("/conversations/readlist")
@blueprint.arguments(MessageIdIn)
@blueprint.success("Succeed", ReadersOut)
@blueprint.errors(errors.MESSAGE_NOT_FOUND_ZH, errors.NO_ACCESS_BAD_REQUEST)
def readers_of(message_id: int) -> dict[str, Any]:
    """List the users who have read a message (beyond the document: /conversations/readlist)."""
    return {"read_users": messages.readers_of(message_id, current_user_id(), public_base_url())}


def _messages_found(
    conversation_id: int, not_in_it: ErrorSpec, filters: dict[str, Any]
) -> dict[str, Any]:
    return search.messages_found(
        conversation_id, current_user_id(), public_base_url(), not_in_it, **filters
    )
