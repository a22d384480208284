"""The interface between the modules of a program and the server that runs it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

_EXTENSION = "ims"


@dataclass
class Runtime:
    """The runtime of an application.

    The application is created before workers are forked. What must not be shared by them, such as
    threads and connections, begins in ``at_start`` or ``background``.

    Attributes:
        at_start: called in every worker before it serves; may refuse to start by ``SystemExit``
            with the reason.
        background: called in every worker that has started.
        at_stop: called when a worker stops, to end connections that would stay open (websockets).
        is_draining: whether this process is going to stop.
        health_checks: a check of each dependency of the service, by its name.
        event_types: the types of events of other services that the service consumes.
        verified_claims: verifies the signature of a token, and returns its claims.
        get_account_state: returns the ``AccountState`` of an account, or None if it does not exist.
        outages: the errors that say that it cannot be read now.
    """

    at_start: list[Callable[[], object]] = field(default_factory=list)
    background: list[Callable[[], object]] = field(default_factory=list)
    at_stop: list[Callable[[], object]] = field(default_factory=list)
    is_draining: bool = False
    health_checks: dict[str, Callable[[], str]] = field(default_factory=dict)
    event_types: frozenset[str] = frozenset()
    outages: tuple[type[Exception], ...] = ()
    verified_claims: Callable[[str], Any] = field(init=False)
    get_account_state: Callable[[int], Any] = field(init=False)


def runtime_of(app: Flask) -> Runtime:
    """Get the runtime of ``app``. The first call creates it."""
    runtime: Runtime | None = app.extensions.get(_EXTENSION)
    if runtime is None:
        runtime = app.extensions[_EXTENSION] = Runtime()
    return runtime
