"""Structured logs: a constant event name, and facts as fields.

Every line carries the id of the request. Passwords, tokens, codes, query strings and message texts
are never logged; paths are therefore logged as routes without their query.
"""

import logging
import re
import secrets
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from flask import Flask, Request, Response, g, request
from flask.globals import request_ctx
from pythonjsonlogger.orjson import OrjsonFormatter

log = logging.getLogger(__name__)

PROBES = frozenset({"/healthz", "/livez", "/readyz"})

request_id: ContextVar[str] = ContextVar("request_id", default="-")
_started_at: ContextVar[float] = ContextVar("started_at")

_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"service", "request_id", "message"}


class _Context(logging.Filter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def filter(self, record: logging.LogRecord) -> bool:
        record.service = self.service
        record.request_id = request_id.get()
        return True


class _TextFormatter(logging.Formatter):
    """Readable lines for a terminal, with the fields at the end."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in vars(record).items() if k not in _STANDARD_FIELDS}
        return " ".join([super().format(record), *(f"{k}={v}" for k, v in fields.items())])


def configure_logging(service: str, level: str, style: str) -> None:
    """Send every log line of this process to standard error.

    Args:
        service: name written into every line.
        level: least severe level to write.
        style: ``json``, ``text``, or ``auto`` (text on a terminal).
    """
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    formatter: logging.Formatter
    if as_text:
        formatter = _TextFormatter(
            "%(asctime)s %(levelname)-7s %(service)s %(message)s", "%H:%M:%S"
        )
    else:
        formatter = OrjsonFormatter(
            "%(asctime)s %(levelname)s %(service)s %(request_id)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "message": "event"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(_Context(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("urllib3", "werkzeug", "alembic.runtime", "shared.data.pool.MeasuredPool"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _rule_of(request: Request) -> str | None:
    return request.url_rule.rule if request.url_rule else None


def log_requests(
    app: Flask,
    count: Callable[[str, str | None, int, float], None] = lambda *_: None,
    get_route: Callable[[Request], str | None] = _rule_of,
) -> None:
    """Give every request an id (the caller's own if well-formed), and log one line per request.

    Args:
        app: a program.
        count: called for each response with its method, route (if it has one), status and seconds.
        get_route: returns the route of a request; by default its URL rule.
    """

    @app.before_request
    def begin() -> None:
        _started_at.set(time.perf_counter())
        sent_id = request.headers.get("X-Request-Id", "")
        request_id.set(sent_id if _WELL_FORMED_ID.fullmatch(sent_id) else secrets.token_hex(16))

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = request_id.get()
        answered = request_ctx.request
        method, route, status = answered.method, get_route(answered), response.status_code
        seconds = time.perf_counter() - _started_at.get()
        count(method, route, status, seconds)
        facts: dict[str, Any] = {
            "method": method,
            "route": route,
            "status": status,
            "user_id": g.get("user_id"),
            "ms": round(seconds * 1000, 1),
        }
        # Probes come every few seconds and are unrelated to the actions of users.
        log.log(logging.DEBUG if route in PROBES else logging.INFO, "request", extra=facts)
        return response
