"""The web client: the files of ``web/`` at ``/`` and ``/web/``, and its configuration."""

import json
from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from gateway.config import GatewaySettings
from gateway.documents import Document
from shared.settings import SettingsError

WEB_DIR = Path(__file__).resolve().parent.parent / "web"
_SERVED = ("*.svg", "css/*.css", "js/**/*.js", "words/*.json")


def create_web_blueprint(settings: GatewaySettings) -> Blueprint:
    """Create the endpoints ``/``, ``/web/config.json`` and ``/web/...``, with files in memory.

    Raises:
        SettingsError: the files are missing.
    """
    pages = Blueprint("web", __name__, static_folder=None)
    page = WEB_DIR / "index.html"
    if not page.exists():
        raise SettingsError(f"WEB_CLIENT: there is no {page}")
    index = Document(
        page.read_bytes(),
        "text/html",
        headers={
            "Content-Security-Policy": _content_security_policy(settings.public_base_url),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
        },
    )
    files = {
        path.relative_to(WEB_DIR).as_posix(): _read_document(path)
        for pattern in _SERVED
        for path in sorted(WEB_DIR.glob(pattern))
    }
    files["config.json"] = Document(_serialize_config(settings), "application/json")

    @pages.get("/")
    def home() -> Response:
        return index.respond()

    @pages.get("/web/<path:name>")
    def file(name: str) -> Response:
        if name not in files:
            raise NotFound
        return files[name].respond()

    return pages


def _read_document(path: Path) -> Document:
    return Document(path.read_bytes(), guess_type(path.name)[0] or "application/octet-stream")


def _serialize_config(settings: GatewaySettings) -> bytes:
    """Serialize the settings that the web client needs before the login."""
    key = settings.password_transport_key.get_secret_value()
    return json.dumps(
        {
            "public_base": settings.public_base_url or "",
            "registration": settings.registration,
            "password_transport": settings.password_transport,
            "password_transport_key": key,
        }
    ).encode()


def _content_security_policy(public_base_url: str | None) -> str:
    """Build a policy that allows this origin, and images also from the public base URL.

    ``'self'`` includes websockets to the same host.
    """
    images = f"'self' data: blob: {public_base_url or ''}".strip()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {images}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
