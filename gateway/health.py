"""Whether the gateway lives, and how it and the services behind it are."""

from flask import Blueprint, Response, jsonify

from gateway.upstream import Service, ask_all
from shared.errors import UNAVAILABLE, ApiError
from shared.health import is_leaving

_SECONDS = 2


def health_pages(services: dict[str, Service]) -> Blueprint:
    """``/livez`` and ``/readyz`` for whoever runs the gateway, ``/healthz`` about everything."""
    pages = Blueprint("health", __name__)

    @pages.get("/livez")
    def livez() -> Response:
        return jsonify(code=0, info="Succeed")

    @pages.get("/readyz")
    def readyz() -> Response:
        if is_leaving():
            raise ApiError(UNAVAILABLE)
        return livez()

    @pages.get("/healthz")
    def healthz() -> Response:
        answers = ask_all(services.values(), "/healthz", _SECONDS)
        states = {name: "down" if body is None else "ok" for name, body in answers.items()}
        if "down" not in states.values():
            return jsonify(code=0, info="Succeed", gateway="ok", services=states)
        response = jsonify(
            code=UNAVAILABLE.code, info=UNAVAILABLE.info, gateway="ok", services=states
        )
        response.status_code = UNAVAILABLE.status
        return response

    return pages
