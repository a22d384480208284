"""The Flask class of every program."""

from collections.abc import Callable
from typing import Any

from flask import Flask


class Application(Flask):
    """Flask without coroutines, for which it would look ten times in each request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or hook as it is."""
        return func
