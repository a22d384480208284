"""Whether a service lives, and whether it can serve."""

from collections.abc import Callable

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from shared.errors import UNAVAILABLE, answer, log
from shared.identity import public


def register_health(app: Flask, check: Callable[[], None]) -> None:
    """Serve ``/livez`` (the process answers), ``/readyz`` and ``/healthz`` (it can serve).

    Args:
        app: a service.
        check: raises if something that the service needs is missing.
    """

    @app.get("/livez")
    @public
    def livez() -> ResponseReturnValue:
        return jsonify(code=0, info="Succeed")

    @app.get("/readyz")
    @app.get("/healthz")
    @public
    def readyz() -> ResponseReturnValue:
        try:
            check()
        except Exception as error:
            log.warning("not_ready", exc_info=error)
            return answer(UNAVAILABLE)
        return jsonify(code=0, info="Succeed")
