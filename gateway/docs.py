"""The OpenAPI document, merged from those of the services, and a page with Swagger UI.

Swagger UI is served from a package, so the page works without the internet.
"""

import json
import re
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from gateway.documents import Document
from gateway.introduction import INTRODUCTION
from gateway.routes import match_route
from gateway.upstream import UpstreamService, fetch_all
from shared.version import VERSION

_FETCH_TIMEOUT = 2
_CACHE_TTL = 60
# A document without a service is cached shortly, so that not every request fetches it again.
_PARTIAL_CACHE_TTL = 2
_ASSET_MAX_AGE = 3600

_STATIC_DIR = Path(__file__).parent / "static"
_SWAGGER_UI = Path(str(files("flask_swagger_ui"))) / "dist"
_ASSETS = frozenset(
    {"swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"}
)
# Swagger UI needs style attributes; scripts are allowed from this origin only.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REFERENCE = re.compile(r'"#/components/(?!securitySchemes/)(\w+)/')


def create_docs_blueprint(services: dict[str, UpstreamService]) -> Blueprint:
    """Create ``/openapi.json``, ``/docs`` and the files of that page."""
    pages = Blueprint("docs", __name__, static_folder=None)
    policy = {"Content-Security-Policy": _CONTENT_SECURITY_POLICY}
    page = Document((_STATIC_DIR / "docs.html").read_bytes(), "text/html", headers=policy)
    script = Document((_STATIC_DIR / "docs.js").read_bytes(), "text/javascript")
    assets = {name: _read_asset(name) for name in _ASSETS}
    lock = Lock()
    cached = (0.0, Document(b"", "application/json"))

    @pages.get("/openapi.json")
    def openapi() -> Response:
        nonlocal cached
        with lock:
            if monotonic() >= cached[0]:
                documents = fetch_all(services.values(), "/openapi.json", _FETCH_TIMEOUT)
                merged = json.dumps(merge_documents(documents), ensure_ascii=False).encode()
                complete = None not in documents.values()
                seconds = _CACHE_TTL if complete else _PARTIAL_CACHE_TTL
                cached = (monotonic() + seconds, Document(merged, "application/json"))
        return cached[1].respond()

    @pages.get("/docs")
    def docs() -> Response:
        return page.respond()

    @pages.get("/docs/docs.js")
    def docs_script() -> Response:
        return script.respond()

    @pages.get("/docs/<name>")
    def asset(name: str) -> Response:
        if name not in assets:
            raise NotFound
        return assets[name].respond()

    return pages


def _read_asset(name: str) -> Document:
    mimetype = guess_type(name)[0] or "application/octet-stream"
    return Document((_SWAGGER_UI / name).read_bytes(), mimetype, max_age=_ASSET_MAX_AGE)


def merge_documents(documents: dict[str, bytes | None]) -> dict[str, Any]:
    """Merge the OpenAPI documents of the services.

    Args:
        documents: the documents as JSON, by the names of the services in the route table; None for
            a service that does not respond.

    Returns:
        one document, whose components are named ``<service>.<name>``.
    """
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Instant messaging",
            "version": VERSION,
            "description": INTRODUCTION,
        },
        "servers": [{"url": "/"}],
        "tags": [],
        "paths": {},
        "components": {"securitySchemes": {}},
        "security": [{"token": []}],  # Public operations override it.
    }
    for name, content in documents.items():
        document = _namespaced_document(name, content or b"{}")
        merged["tags"] += document.get("tags", [])
        merged["paths"] |= {
            path: operations
            for path, operations in document.get("paths", {}).items()
            if match_route(path) == name
        }
        for kind, parts in document.get("components", {}).items():
            prefix = "" if kind == "securitySchemes" else f"{name}."
            renamed = {prefix + part: definition for part, definition in parts.items()}
            merged["components"].setdefault(kind, {}).update(renamed)
    return merged


def _namespaced_document(name: str, content: bytes) -> dict[str, Any]:
    """Parse a service's document, and add the service's name to references of components."""
    try:
        text = content.decode()
        document = json.loads(_REFERENCE.sub(rf'"#/components/\1/{name}.', text))
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}
