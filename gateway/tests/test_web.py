"""The web client is served at `/` if it is enabled."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway import web
from gateway.app import create_app
from shared.settings import SettingsError

NOT_FOUND = (404, {"code": -404, "info": "Not found"})
SCRIPT = b"export const long = 1;\n" * 100


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a web client, and one that is not served."""
    (tmp_path / "js" / "views").mkdir(parents=True)
    (tmp_path / "css").mkdir()
    (tmp_path / "words").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>IMS</title>")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "css" / "base.css").write_text("body {}")
    (tmp_path / "js" / "views" / "app.js").write_bytes(SCRIPT)
    (tmp_path / "words" / "zh.json").write_text("{}")
    (tmp_path / "package.json").write_text("{}")
    monkeypatch.setattr(web, "WEB_DIR", tmp_path)
    return tmp_path


def _client(environment: dict[str, str], **settings: str) -> FlaskClient:
    return create_app({**environment, "WEB_CLIENT": "on", **settings}).test_client()


@pytest.fixture
def client(folder: Path, environment: dict[str, str]) -> FlaskClient:
    return _client(environment)


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [
        ("/", "text/html"),
        ("/web/icon.svg", "image/svg+xml"),
        ("/web/css/base.css", "text/css"),
        ("/web/js/views/app.js", "text/javascript"),
        ("/web/words/zh.json", "application/json"),
        ("/web/config.json", "application/json"),
    ],
)
def test_a_file_of_the_client_needs_no_token(client: FlaskClient, path: str, mimetype: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.mimetype) == (200, mimetype)


@pytest.mark.parametrize(
    "path", ["/web/package.json", "/web/", "/web/../app.py", "/web/index.html"]
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.json) == NOT_FOUND


@pytest.mark.parametrize("path", ["/", "/web/config.json", "/web/js/views/app.js"])
def test_without_the_client_no_file_is_served(local_client: FlaskClient, path: str) -> None:
    response = local_client.get(path)

    assert (response.status_code, response.json) == NOT_FOUND


def test_only_a_get_is_allowed(client: FlaskClient) -> None:
    response = client.post("/")

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_a_cached_document_is_revalidated(client: FlaskClient) -> None:
    etag = client.get("/web/css/base.css").headers["ETag"]

    response = client.get("/web/css/base.css", headers={"If-None-Match": etag})

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["Cache-Control"] == "no-cache"


def test_a_long_document_is_compressed_if_the_client_accepts_it(client: FlaskClient) -> None:
    plain = client.get("/web/js/views/app.js")
    compressed = client.get("/web/js/views/app.js", headers={"Accept-Encoding": "gzip, br"})

    assert plain.data == SCRIPT
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert len(compressed.data) < len(SCRIPT) / 4
    assert "Accept-Encoding" in compressed.headers.getlist("Vary")
    assert plain.headers["ETag"] != compressed.headers["ETag"]


def test_the_page_allows_only_code_of_this_origin(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"].split("; ")

    assert policy[:3] == ["default-src 'none'", "script-src 'self'", "style-src 'self'"]
    assert "require-trusted-types-for 'script'" in policy
    assert "img-src 'self' data: blob:" in policy


def test_images_of_the_public_base_url_are_allowed(
    folder: Path, environment: dict[str, str]
) -> None:
    client = _client(environment, PUBLIC_BASE_URL="https://im.example.com")

    assert (
        "img-src 'self' data: blob: https://im.example.com;"
        in (client.get("/").headers["Content-Security-Policy"])
    )


def test_the_configuration_has_registration_and_password_transport(
    folder: Path, environment: dict[str, str]
) -> None:
    client = _client(
        environment,
        PASSWORD_TRANSPORT="encrypted",
        PASSWORD_TRANSPORT_KEY="sixteen bytes ok",
        REGISTRATION="closed",
    )

    assert json.loads(client.get("/web/config.json").data) == {
        "public_base": "",
        "registration": "closed",
        "password_transport": "encrypted",
        "password_transport_key": "sixteen bytes ok",
    }


def test_a_client_without_files_prevents_the_start(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "WEB_DIR", tmp_path / "missing")

    with pytest.raises(SettingsError, match="WEB_CLIENT"):
        _client(environment)
