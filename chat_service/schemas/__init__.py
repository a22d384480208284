"""Shapes of what the chat service takes and answers."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import ValidationError, fields
from marshmallow.validate import Length

from shared.web.fields import Id, RequestSchema
from shared.web.streaming import Blocks

T = TypeVar("T")

_NAMES = {"conversation_id": "conversationId", "conversationId": "conversation_id"}


class ConversationId(Id):
    """A conversation's id: the document spells its name in two ways, and both are taken.

    Args:
        name: how the document spells it at this endpoint.
    """

    def __init__(self, name: str = "conversation_id", *, required: bool = True) -> None:
        super().__init__(required=required, data_key=name, alias=_NAMES[name])


class NumberOrString(fields.Field[int]):
    """A number of something, as JSON number or string.

    Args:
        minimum: the smallest that is taken.
        maximum: the largest.
        pattern: of the strings that are taken.
        types: the JSON types that are taken.
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
            raise ValidationError("Not such a number.")
        return value


class IdList(fields.List[Any]):
    """At least one id; repeats count once."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Id(), validate=Length(min=1), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return list(dict.fromkeys(super()._deserialize(value, *args, **kwargs)))


class ConversationIn(RequestSchema):
    """A conversation, and nothing else."""

    conversation_id = ConversationId()


def blocks_out(found: T | Blocks[T], to_out: Callable[[T], Any]) -> Any:
    """A list of an answer, made of one block, or block by block while it is sent."""
    return found.map(to_out) if isinstance(found, Blocks) else to_out(found)
