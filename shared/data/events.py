"""The consumer of events: ``POST /internal/events``, and the secret of ``/internal``."""

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

# Database errors about values that are out of range or violate a constraint.
_REJECTED_BY_DATABASE = (DataError, IntegrityError, OverflowError, UnicodeEncodeError)

Handlers = Mapping[str, Callable[[dict[str, Any]], None]]


def require_internal_secret(app: Flask, secrets: tuple[SecretStr, ...]) -> None:
    """Reject requests to ``/internal`` without one of ``secrets`` (401).

    Tokens of users are not accepted there, and the secret is not accepted elsewhere.
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

    An event with an unknown type, or with a state that is invalid or cannot be stored, comes from
    another version of the sender. It is logged and skipped, because a retry would fail again.

    Args:
        app: the consumer.
        handlers: the handler of each type; called once per event, in a transaction of its own. It
            must accept duplicates and late events.
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
    """Parse any JSON, including texts that the API's parser rejects."""
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
