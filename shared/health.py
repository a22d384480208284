"""Whether a service lives, and whether it can serve."""

from collections.abc import Callable

from flask import Flask, current_app, jsonify
from flask.typing import ResponseReturnValue

from shared.errors import UNAVAILABLE, answer, log
from shared.identity import public


def register_health(app: Flask, check: Callable[[], None]) -> None:
    """Serve ``/livez`` (the process answers), ``/healthz`` (it can serve), ``/readyz`` (and will).

    Args:
        app: a service.
        check: raises if something that the service needs is missing.
    """

    @app.get("/livez")
    @public
    def livez() -> ResponseReturnValue:
        return jsonify(code=0, info="Succeed")

    @app.get("/readyz")
    @public
    def readyz() -> ResponseReturnValue:
        return answer(UNAVAILABLE) if is_leaving() else healthz()

    @app.get("/healthz")
    @public
    def healthz() -> ResponseReturnValue:
        try:
            check()
        except Exception as error:
            log.warning("not_ready", exc_info=error)
            return answer(UNAVAILABLE)
        return jsonify(code=0, info="Succeed")


def is_leaving() -> bool:
    """Whether this process was told to stop, and its callers had better turn to others."""
    return "ims.leaving" in current_app.extensions
