"""The API's documents: one OpenAPI document made of the services' own, and a page to try it.

The page is Swagger UI from a package, so it works without the internet.
"""

import json
import re
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any

from flask import Blueprint, Response, send_from_directory
from werkzeug.exceptions import NotFound

from gateway.routes import route_of
from gateway.upstream import Service, ask_all

Document = dict[str, Any]

_SECONDS = 2
_FRESH_SECONDS = 60
# An incomplete document is asked for again soon, but not by everybody at once.
_INCOMPLETE_SECONDS = 2
_ASSET_SECONDS = 3600

_OWN_FILES = Path(__file__).parent / "static"
_SWAGGER_UI = Path(str(files("flask_swagger_ui"))) / "dist"
_ASSETS = frozenset(
    {"swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"}
)
# Swagger UI writes style attributes; scripts come from here alone.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REFERENCE = re.compile(r'"#/components/(?!securitySchemes/)(\w+)/')


def docs_pages(services: dict[str, Service]) -> Blueprint:
    """``/openapi.json``, ``/docs`` and the files of that page."""
    pages = Blueprint("docs", __name__, static_folder=None)
    cached: tuple[float, bytes] = (0.0, b"")

    @pages.get("/openapi.json")
    def openapi() -> Response:
        nonlocal cached
        fresh_until, body = cached
        if monotonic() >= fresh_until:
            answers = ask_all(services.values(), "/openapi.json", _SECONDS)
            body = json.dumps(_merged(answers), ensure_ascii=False).encode()
            complete = None not in answers.values()
            seconds = _FRESH_SECONDS if complete else _INCOMPLETE_SECONDS
            cached = (monotonic() + seconds, body)
        return Response(body, mimetype="application/json")

    @pages.get("/docs")
    def page() -> Response:
        response = send_from_directory(_OWN_FILES, "docs.html")
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @pages.get("/docs/docs.js")
    def script() -> Response:
        return send_from_directory(_OWN_FILES, "docs.js")

    @pages.get("/docs/<name>")
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise NotFound
        return send_from_directory(_SWAGGER_UI, name, max_age=_ASSET_SECONDS)

    return pages


def _merged(answers: dict[str, bytes | None]) -> Document:
    """One document of those of the services; a component is called ``<service>.<name>``."""
    merged: Document = {
        "openapi": "3.1.0",
        "info": {"title": "Instant messaging", "version": "1.0.0"},
        "servers": [{"url": "/"}],
        "tags": [],
        "paths": {},
        "components": {"securitySchemes": {}},
    }
    for name, answer in answers.items():
        document = _of_service(name, answer or b"{}")
        merged["tags"] += document.get("tags", [])
        merged["paths"] |= {
            path: operations
            for path, operations in document.get("paths", {}).items()
            if (route := route_of(path)) and route.service == name
        }
        for kind, parts in document.get("components", {}).items():
            prefix = "" if kind == "securitySchemes" else f"{name}."
            renamed = {prefix + part: meaning for part, meaning in parts.items()}
            merged["components"].setdefault(kind, {}).update(renamed)
    return merged


def _of_service(name: str, answer: bytes) -> Document:
    """A service's document, with references that say whose components they mean."""
    try:
        text = answer.decode()
        document = json.loads(_REFERENCE.sub(rf'"#/components/\1/{name}.', text))
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}
