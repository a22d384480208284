"""Request and response schemas of the chat service."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import ValidationError, fields
from marshmallow.validate import Length

from shared.web.fields import Id, RequestSchema, Text
from shared.web.streaming import Blocks

T = TypeVar("T")

_NAMES = {"conversation_id": "conversationId", "conversationId": "conversation_id"}


class ConversationId(Id):
    """A conversation's id. The API document uses two names for it, and both are accepted.

    Args:
        name: the name that the API document uses for the endpoint.
    """

    def __init__(self, name: str = "conversation_id", *, required: bool = True) -> None:
        super().__init__(required=required, data_key=name, alias=_NAMES[name])


class ClientId(Text):
    """An idempotency key of a message among those of its sender."""

    def __init__(self) -> None:
        meaning = "A send with the same one returns the first message; empty: none."
        super().__init__(validate=Length(max=64), metadata={"description": meaning})


class NumberOrString(fields.Field[int]):
    """An integer as a JSON number or string.

    Args:
        minimum: the smallest accepted number.
        maximum: the largest accepted number.
        pattern: the pattern of accepted strings.
        types: the accepted JSON types.
    """

    def __init__(
        self,
        minimum: int,
        maximum: int,
        pattern: str,
        types: tuple[str, ...] = ("integer", "string"),
        **kwargs: Any,
    ) -> None:
        bounds = {
            "minimum": minimum,
            "maximum": maximum,
            "pattern": f"^({pattern})$",
            "example": maximum,
        }
        super().__init__(metadata={"type": types, **bounds}, **kwargs)
        self._minimum, self._maximum = minimum, maximum
        self._pattern = re.compile(pattern, re.ASCII)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, str) and self._pattern.fullmatch(value):
            value = int(value)
        if type(value) is not int or not self._minimum <= value <= self._maximum:
            raise ValidationError("Not a valid number.")
        return value


class IdList(fields.List[Any]):
    """At least one id, without repeats."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Id(), validate=Length(min=1), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return list(dict.fromkeys(super()._deserialize(value, *args, **kwargs)))


class ConversationIn(RequestSchema):
    """A request about a conversation."""

    conversation_id = ConversationId()


def blocks_out(result: T | Blocks[T], to_out: Callable[[T], Any]) -> Any:
    """Build a list of a response from one block, or from each block while it is streamed."""
    return result.map(to_out) if isinstance(result, Blocks) else to_out(result)
