"""Comparison of responses with documented values, or kinds of values."""

import re
from collections.abc import Callable
from typing import Any

from ims_client import Reply


class Kind:
    """A value that is equal to every value of its kind."""

    def __init__(self, name: str, holds: Callable[[Any], bool]) -> None:
        self._name = name
        self._holds = holds

    def __eq__(self, value: object) -> bool:
        return self._holds(value)

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return self._name


def _matching(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


AN_ID = Kind("<an id>", lambda value: type(value) is int and 0 < value < 2**63)
A_TIME = Kind("<a time in UTC>", _matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"))
A_TOKEN = Kind("<a token>", _matching(r"[\w-]+\.[\w-]+\.[\w-]+"))


def assert_shows(reply: Reply, **documented: Any) -> None:
    """The reply is a success with these fields; additional fields are allowed."""
    assert reply.status == 200, reply
    assert _named(reply.body, documented) == {"code": 0, **documented}


def _named(value: Any, documented: Any) -> Any:
    """``value`` without undocumented fields."""
    if isinstance(value, dict) and isinstance(documented, dict):
        return {
            name: _named(inner, documented.get(name))
            for name, inner in value.items()
            if name in documented or name == "code"
        }
    if isinstance(value, list) and isinstance(documented, list):
        patterns = [*documented, *[None] * (len(value) - len(documented))]
        return [_named(inner, like) for inner, like in zip(value, patterns, strict=False)]
    return value
