"""What the parts of a program agree with the server that runs it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

_EXTENSION = "ims"


@dataclass
class Runtime:
    """One for each application.

    Attributes:
        at_start: called in every worker before it serves; may refuse (``SystemExit`` with the
            reason).
        background: called in every worker that has started.
        at_stop: called when a worker stops, so that connections that would never end by themselves
            (websockets) do not hold it up.
        is_draining: whether this process was told to stop.
        health_checks: the state of each part that the service depends on, by its name.
        event_types: the events of other services that it takes.
        verified_claims: the claims of a token with a valid signature.
    """

    at_start: list[Callable[[], object]] = field(default_factory=list)
    background: list[Callable[[], object]] = field(default_factory=list)
    at_stop: list[Callable[[], object]] = field(default_factory=list)
    is_draining: bool = False
    health_checks: dict[str, Callable[[], str]] = field(default_factory=dict)
    event_types: frozenset[str] = frozenset()
    verified_claims: Callable[[str], Any] = field(init=False)


def runtime_of(app: Flask) -> Runtime:
    """The runtime of ``app``, which is made when it is first asked for."""
    runtime: Runtime | None = app.extensions.get(_EXTENSION)
    if runtime is None:
        runtime = app.extensions[_EXTENSION] = Runtime()
    return runtime
