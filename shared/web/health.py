"""Health endpoints: whether a service runs, and whether it can serve requests."""

import logging
from collections.abc import Callable

from flask import Flask, current_app, jsonify
from flask.typing import ResponseReturnValue

from shared.runtime import runtime_of
from shared.web.authentication import public
from shared.web.errors import SERVICE_UNAVAILABLE, error_response

log = logging.getLogger(__name__)


class NotReadyError(Exception):
    """A dependency is unavailable; the text is its state."""


def register_health(app: Flask) -> None:
    """Serve ``/livez`` (the process runs), ``/healthz`` (it can serve) and ``/readyz`` (and is not
    draining).

    The response of ``/healthz`` contains the state of each dependency of the service.
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
    """Add the state of a dependency to the response of ``/healthz``.

    Args:
        app: a service.
        name: the name of the dependency, such as ``database``.
        check: returns its state in one or two words, ``ok`` if there is no problem; raises
            `NotReadyError` if the service cannot work without it.
    """
    runtime_of(app).health_checks[name] = check


def is_draining() -> bool:
    """Whether this process is going to stop, so that callers should use other replicas."""
    return runtime_of(current_app).is_draining
