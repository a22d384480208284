"""The consumer's side of the outbox: ``POST /internal/events``, and the guard of ``/internal``."""

import hmac
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from pydantic import SecretStr
from sqlalchemy.exc import DataError, IntegrityError

from shared.data.client import SECRET_HEADER
from shared.runtime import runtime_of
from shared.web.authentication import public
from shared.web.errors import INVALID_JWT, ApiError, bad_parameter

log = logging.getLogger(__name__)

# What a database says of a value that it has no room for, or that breaks a rule of its tables.
_REJECTED_BY_DATABASE = (DataError, IntegrityError, OverflowError, UnicodeEncodeError)

Handlers = Mapping[str, Callable[[dict[str, Any]], None]]


def require_internal_secret(app: Flask, secrets: tuple[SecretStr, ...]) -> None:
    """Refuse every request to ``/internal`` that shows none of ``secrets`` (401).

    A user's token means nothing there, and the secret means nothing elsewhere.
    """
    accepted = [secret.get_secret_value().encode() for secret in secrets]

    @app.before_request
    def check_secret() -> None:
        if not request.path.startswith("/internal"):
            return
        shown = request.headers.get(SECRET_HEADER, "").encode()
        if not any([hmac.compare_digest(shown, secret) for secret in accepted]):
            raise ApiError(INVALID_JWT)


def register_event_consumer(app: Flask, handlers: Handlers) -> None:
    """Serve ``POST /internal/events``: ``{"events": [{"type", "state"}, ...]}``.

    A type without a handler, or a state that its handler cannot read or keep, comes from another
    version of the sender: it is logged and passed over, for a repeat would not help.

    Args:
        app: the consumer.
        handlers: what to do with the state of each type; called once per event, each in a
            transaction of its own, and harmless when called twice or late.
    """
    runtime_of(app).event_types = frozenset(handlers)

    @app.post("/internal/events")
    @public
    def internal_events() -> ResponseReturnValue:
        body = _parse(request.get_data())
        events = body.get("events") if isinstance(body, dict) else None
        if not isinstance(events, list):
            raise bad_parameter("events")
        for event in events:
            _dispatch(event, handlers)
        return jsonify(code=0, info="Succeed")


def _parse(body: bytes) -> Any:
    """Any JSON there is: the parser of the API refuses some that an odd event may hold."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _dispatch(event: Any, handlers: Handlers) -> None:
    kind = event.get("type") if isinstance(event, dict) else None
    handler = handlers.get(kind) if isinstance(kind, str) else None
    if handler is None:
        log.warning("event_of_unknown_type", extra={"event_type": str(kind)[:40]})
        return
    try:
        handler(event.get("state"))
    except ValidationError as error:
        log.error(
            "event_rejected", extra={"event_type": kind, "fields": sorted(error.messages_dict)}
        )
    except _REJECTED_BY_DATABASE as error:
        log.error("event_rejected", extra={"event_type": kind}, exc_info=error)
