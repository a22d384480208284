"""Liveness and readiness of the gateway, and the health of the services behind it."""

from threading import Lock
from time import monotonic
from typing import Any

from flask import Blueprint, Response, json, jsonify

from gateway.upstream import UpstreamService, fetch_all
from shared.web.errors import SERVICE_UNAVAILABLE, ApiError
from shared.web.health import is_draining

_CHECK_TIMEOUT = 2
# Limits the rate of requests to the services.
_CACHE_TTL = 1


def create_health_blueprint(services: dict[str, UpstreamService]) -> Blueprint:
    """Create ``/livez`` and ``/readyz`` of the gateway, and ``/healthz`` with all services."""
    pages = Blueprint("health", __name__)
    lock = Lock()
    cached: tuple[float, dict[str, Any], int] = (0.0, {}, 0)

    @pages.get("/livez")
    def livez() -> Response:
        return jsonify(code=0, info="Succeed")

    @pages.get("/readyz")
    def readyz() -> Response:
        if is_draining():
            raise ApiError(SERVICE_UNAVAILABLE)
        return livez()

    @pages.get("/healthz")
    def healthz() -> Response:
        nonlocal cached
        with lock:
            if monotonic() >= cached[0]:
                report, status = _check_services(services)
                cached = (monotonic() + _CACHE_TTL, report, status)
        _, report, status = cached
        response = jsonify(report)
        response.status_code = status
        return response

    return pages


def _check_services(services: dict[str, UpstreamService]) -> tuple[dict[str, Any], int]:
    """Check the services, and return the body and the status of ``/healthz``."""
    bodies = fetch_all(services.values(), "/healthz", _CHECK_TIMEOUT)
    states = {name: "down" if body is None else "ok" for name, body in bodies.items()}
    if "down" in states.values():
        error = SERVICE_UNAVAILABLE
        report = {"code": error.code, "info": error.info, "gateway": "ok", "services": states}
        return report, error.status
    report = {"code": 0, "info": "Succeed", "gateway": "ok", "services": states}
    parts = {name: _list_degraded_parts(body) for name, body in bodies.items() if body}
    if degraded := {name: states for name, states in parts.items() if states}:
        report["degraded"] = degraded
    return report, 200


def _list_degraded_parts(body: bytes) -> dict[str, str]:
    """List the degraded parts of a service that works, with their states."""
    parts: dict[str, str] = json.loads(body).get("parts", {})
    return {name: state for name, state in parts.items() if state != "ok"}
