"""Schemas of the changes in all conversations."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from chat_service.domain.sync import SyncResult
from chat_service.schemas import NumberOrString
from chat_service.schemas.conversations import Conversation, conversation_out
from chat_service.schemas.messages import Message, message_list_out
from shared.web.fields import Id, RequestSchema, ResponseSchema

MAX_SYNCED = 1000


class SyncIn(RequestSchema):
    """The client's version of each conversation that it has."""

    versions = fields.Dict(
        keys=Id(),
        values=Id(),
        required=True,
        validate=Length(max=MAX_SYNCED),
        metadata={"example": {"12": 345}},
    )
    limit = NumberOrString(1, 200, "200|1[0-9]{2}|[1-9][0-9]?", load_default=50)
    conversation_ids = fields.List(Id(), validate=Length(max=MAX_SYNCED))


class ChangedConversation(Conversation):
    """A conversation with its changes; ``version`` is the client's version afterwards.

    ``has_more``: there are more changes after that version, or older messages if the client had
    no version of the conversation.
    """

    messages = fields.List(fields.Nested(Message))
    deleted_ids = fields.List(fields.Integer())
    has_more = fields.Boolean()


class SyncOut(ResponseSchema):
    """The changes, and the requested ids that are no open conversations of the caller."""

    conversations = fields.List(fields.Nested(ChangedConversation))
    gone = fields.List(fields.Integer())


def sync_out(result: SyncResult, base: str) -> dict[str, Any]:
    """Build a `SyncOut`."""
    return {
        "conversations": [
            {
                **conversation_out(change.row, base),
                "messages": message_list_out(change.messages, base),
                "deleted_ids": change.deleted_ids,
                "has_more": change.has_more,
            }
            for change in result.changes
        ],
        "gone": result.gone_ids,
    }
