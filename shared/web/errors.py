"""Errors are rows of a table (status, code, text); one function creates their responses.

Each service declares its rows in its own ``errors.py`` and raises them by name: ``raise
ApiError(errors.ALREADY_FRIENDS)``. The rows here belong to every endpoint.
"""

import logging
from dataclasses import dataclass

from flask import Flask, Response, jsonify
from werkzeug.exceptions import BadHost, HTTPException

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ErrorSpec:
    """An error: its HTTP status, and the API document's code and text."""

    status: int
    code: int
    info: str


class ApiError(Exception):
    """An error that ends the request; raised anywhere below a route.

    Args:
        spec: the row of the catalogue.
        headers: additional response headers, such as ``Retry-After``.
        details: values for the placeholders of the row's text.
    """

    def __init__(
        self, spec: ErrorSpec, headers: dict[str, str] | None = None, **details: str
    ) -> None:
        super().__init__(spec.info)
        self.spec = spec
        self.headers = headers or {}
        self.details = details


INVALID_JWT = ErrorSpec(401, -2, "Invalid or expired JWT")
BAD_PARAMETER = ErrorSpec(400, -7, "Missing or error type of [{field}]")
BAD_REQUEST = ErrorSpec(400, -400, "Bad request")
NOT_FOUND = ErrorSpec(404, -404, "Not found")
METHOD_NOT_ALLOWED = ErrorSpec(405, -405, "Bad method")
REQUEST_TIMEOUT = ErrorSpec(408, -408, "Request timeout")
PAYLOAD_TOO_LARGE = ErrorSpec(413, -413, "Payload too large")
URI_TOO_LONG = ErrorSpec(414, -414, "URI too long")
UNSUPPORTED_MEDIA_TYPE = ErrorSpec(415, -415, "Unsupported media type")
TOO_MANY_REQUESTS = ErrorSpec(429, -429, "Too many requests")
HEADERS_TOO_LARGE = ErrorSpec(431, -431, "Request header fields too large")
INTERNAL_SERVER_ERROR = ErrorSpec(500, -500, "Internal server error")
BAD_GATEWAY = ErrorSpec(502, -502, "Service unavailable")
SERVICE_UNAVAILABLE = ErrorSpec(503, -503, "Service unavailable")
GATEWAY_TIMEOUT = ErrorSpec(504, -504, "Service unavailable")

_BY_STATUS = {
    spec.status: spec
    for spec in (
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        PAYLOAD_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        TOO_MANY_REQUESTS,
        INTERNAL_SERVER_ERROR,
        BAD_GATEWAY,
        SERVICE_UNAVAILABLE,
        GATEWAY_TIMEOUT,
    )
}


def bad_parameter(field: str) -> ApiError:
    """Create the error of a missing or invalid field."""
    return ApiError(BAD_PARAMETER, field=field)


def overloaded(retry_after_seconds: int = 1) -> ApiError:
    """Create the error of a request that meets a global limit; the request had no effect."""
    return ApiError(SERVICE_UNAVAILABLE, {"Retry-After": str(retry_after_seconds)})


def error_response(
    spec: ErrorSpec, headers: dict[str, str] | None = None, **details: str
) -> Response:
    """Create the response of an error: exactly ``code`` and ``info``."""
    response = jsonify(code=spec.code, info=spec.info.format(**details))
    response.status_code = spec.status
    response.headers.update(headers or {})
    return response


def register_error_handlers(app: Flask) -> None:
    """Register handlers that turn every error of ``app`` into the JSON of the API."""

    @app.errorhandler(ApiError)
    def handle_api_error(error: ApiError) -> Response:
        return error_response(error.spec, error.headers, **error.details)

    @app.errorhandler(HTTPException)
    def handle_http_exception(error: HTTPException) -> Response:
        status = error.code or 500
        if 300 <= status < 400:  # A path that differs by a slash is a different path.
            return error_response(NOT_FOUND)
        if isinstance(error, BadHost):
            return error_response(BAD_REQUEST)
        if status == 400:  # A malformed multipart body, or an aborted stream.
            return error_response(BAD_PARAMETER, field="body")
        copied = ("Allow", "Retry-After")
        headers = {name: value for name, value in error.get_headers() if name in copied}
        return error_response(
            _BY_STATUS.get(status, _BY_STATUS[404 if status < 500 else 500]), headers
        )

    @app.errorhandler(Exception)
    def handle_unexpected_error(error: Exception) -> Response:
        log.error("request_failed", exc_info=error)
        return error_response(INTERNAL_SERVER_ERROR)
