"""Shapes of what the chat service takes and answers."""

from shared.fields import Id, Params

_NAMES = {"conversation_id": "conversationId", "conversationId": "conversation_id"}


class ConversationId(Id):
    """A conversation's id: the document spells its name in two ways, and both are taken.

    Args:
        name: how the document spells it at this endpoint.
    """

    def __init__(self, name: str = "conversation_id", *, required: bool = True) -> None:
        super().__init__(required=required, data_key=name, alias=_NAMES[name])


class ConversationIn(Params):
    """A conversation, and nothing else."""

    conversation_id = ConversationId()
