"""Shapes of what the chat service takes and answers."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from shared.fields import Id, Params

_NAMES = {"conversation_id": "conversationId", "conversationId": "conversation_id"}


class ConversationId(Id):
    """A conversation's id: the document spells its name in two ways, and both are taken.

    Args:
        name: how the document spells it at this endpoint.
    """

    def __init__(self, name: str = "conversation_id", *, required: bool = True) -> None:
        super().__init__(required=required, data_key=name, alias=_NAMES[name])


class IdList(fields.List[Any]):
    """At least one id; repeats count once."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Id(), validate=Length(min=1), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return list(dict.fromkeys(super()._deserialize(value, *args, **kwargs)))


class ConversationIn(Params):
    """A conversation, and nothing else."""

    conversation_id = ConversationId()
