"""Whether a service lives, and whether it can serve."""

import logging
from collections.abc import Callable

from flask import Flask, current_app, jsonify
from flask.typing import ResponseReturnValue

from shared.runtime import runtime_of
from shared.web.authentication import public
from shared.web.errors import SERVICE_UNAVAILABLE, error_response

log = logging.getLogger(__name__)


class NotReadyError(Exception):
    """A part cannot be used at the moment; the text says why."""


def register_health(app: Flask) -> None:
    """Serve ``/livez`` (the process answers), ``/healthz`` (it can serve), ``/readyz`` (and will).

    The answer of ``/healthz`` names each part that the service depends on and its state.
    """

    @app.get("/livez")
    @public
    def livez() -> ResponseReturnValue:
        return jsonify(code=0, info="Succeed")

    @app.get("/readyz")
    @public
    def readyz() -> ResponseReturnValue:
        return error_response(SERVICE_UNAVAILABLE) if is_draining() else healthz()

    @app.get("/healthz")
    @public
    def healthz() -> ResponseReturnValue:
        parts = runtime_of(current_app).health_checks
        try:
            states = {name: check() for name, check in parts.items()}
        except NotReadyError as error:
            log.warning("not_ready", extra={"failure": str(error)})
            return error_response(SERVICE_UNAVAILABLE)
        except Exception as error:
            log.warning("not_ready", exc_info=error)
            return error_response(SERVICE_UNAVAILABLE)
        return jsonify(code=0, info="Succeed", parts=states)


def add_health_part(app: Flask, name: str, check: Callable[[], str]) -> None:
    """Show the state of a part of ``app`` in the answer of ``/healthz``.

    Args:
        app: a service.
        name: of the part, such as ``database``.
        check: its state in a word or two, ``ok`` if nothing is wrong; raises if the service
            cannot serve without the part.
    """
    runtime_of(app).health_checks[name] = check


def is_draining() -> bool:
    """Whether this process was told to stop, and its callers had better turn to others."""
    return runtime_of(current_app).is_draining
