"""Schemas of message search."""

from functools import partial
from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from chat_service.domain.global_search import SearchPage
from chat_service.domain.search import SummaryBlock, SummaryRow
from chat_service.schemas import ConversationId, NumberOrString, blocks_out
from chat_service.schemas.media import content_out
from chat_service.schemas.people import PersonOut, people_out
from shared.web.fields import Id, RequestSchema, ResponseSchema, Text, Time
from shared.web.streaming import Blocks


class FiltersIn(RequestSchema):
    """筛选聊天记录: conditions, all of which a message must satisfy; both times are inclusive."""

    conversation_id = ConversationId("conversationId")
    since = Time(data_key="start_time")
    until = Time(data_key="end_time", end_of_second=True)
    sender_id = Id()
    sender_name = Text(validate=Length(max=255))
    content = Text(validate=Length(max=255))


class MessageSummary(ResponseSchema):
    """A message that matches the conditions."""

    id = fields.Integer()
    type = fields.Integer()
    sender_id = fields.Integer()
    sender_name = fields.String()
    sender_avatar = fields.String()
    content = fields.String()
    timestamp = Time()


def summary_out(row: SummaryRow, sender: PersonOut, base: str) -> dict[str, Any]:
    """Build a `MessageSummary`."""
    return {
        "id": row.id,
        "type": row.type,
        "sender_id": row.sender_id,
        "sender_name": sender.name,
        "sender_avatar": sender.avatar,
        "content": content_out(base, row.type, row.content),
        "timestamp": row.created_at,
    }


class MessageSummariesOut(ResponseSchema):
    """The matching messages, oldest first."""

    messages = fields.List(fields.Nested(MessageSummary))


def summaries_out(result: SummaryBlock | Blocks[SummaryBlock], base: str) -> dict[str, Any]:
    """Build a `MessageSummariesOut`."""
    return {"messages": blocks_out(result, partial(_summary_list_out, base=base))}


def _summary_list_out(block: SummaryBlock, base: str) -> list[dict[str, Any]]:
    senders = people_out(block.senders, base)
    return [summary_out(row, senders[row.sender_id], base) for row in block.rows]


class SearchIn(RequestSchema):
    """Conditions of a search of all conversations of the caller, or of one of them."""

    content = Text(required=True, validate=Length(1, 255), metadata={"example": "hello"})
    conversation_id = ConversationId(required=False)
    sender_id = Id()
    since = Time(data_key="start_time")
    until = Time(data_key="end_time", end_of_second=True)
    before_id = Id()
    limit = NumberOrString(1, 100, "100|[1-9][0-9]?", load_default=50)


class SearchResult(MessageSummary):
    """A matching message, and its conversation."""

    conversation_id = fields.Integer()
    conversation_name = fields.String()


class SearchOut(ResponseSchema):
    """The matching messages, newest first; ``next_before_id`` if there may be more."""

    messages = fields.List(fields.Nested(SearchResult))
    next_before_id = fields.Integer(
        metadata={
            "optional": True,
            "description": "The `before_id` of the next page; absent on the last one. A request "
            "reads a bounded number of messages, so that a page can be short or empty without "
            "being the last one.",
        }
    )


def search_out(page: SearchPage, base: str) -> dict[str, Any]:
    """Build a `SearchOut`."""
    senders = people_out(page.senders, base)
    messages = [
        {
            **summary_out(each.message, senders[each.message.sender_id], base),
            "conversation_id": each.conversation_id,
            "conversation_name": each.conversation_name,
        }
        for each in page.messages
    ]
    if page.next_before_id is None:
        return {"messages": messages}
    return {"messages": messages, "next_before_id": page.next_before_id}
