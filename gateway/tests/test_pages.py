"""Pages of the gateway: health, the OpenAPI document and its page."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from gateway.app import create_app
from gateway.tests.conftest import free_port
from gateway.tests.upstreams import Exchange, Upstream, hang_until
from shared.settings import SettingsError
from shared.testing.races import run_concurrently

ALL_OK = {"auth": "ok", "social": "ok", "chat": "ok"}


def _document(path: str, meaning: str) -> dict[str, object]:
    reference = {"$ref": "#/components/schemas/Thing"}
    response = {"description": "it", "content": {"application/json": {"schema": reference}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "one service", "version": "1"},
        "tags": [{"name": path}],
        "paths": {
            path: {"get": {"responses": {"200": response}}},
            "/healthz": {"get": {"responses": {"200": {"description": "it"}}}},
            "/internal/events": {"post": {"responses": {"200": {"description": "it"}}}},
        },
        "components": {
            "schemas": {"Thing": {"type": "object", "description": meaning}},
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"}
            },
        },
    }


@pytest.fixture
def documented(services: dict[str, Upstream]) -> dict[str, Upstream]:
    """Services with an OpenAPI document."""
    paths = {"auth": "/verify", "social": "/friends", "chat": "/conversations"}
    for name, path in paths.items():
        services[name].handler = _send_json_of(_document(path, name))
    return services


def _send_json_of(document: dict[str, object]) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.send_json(document)


def _json(client: FlaskClient, path: str) -> Any:
    return client.get(path).json


def _without_chat(environment: Mapping[str, str]) -> FlaskClient:
    unused = f"http://127.0.0.1:{free_port()}"
    return create_app({**environment, "CHAT_SERVICE_URL": unused}).test_client()


def test_health_names_the_gateway_and_every_service(local_client: FlaskClient) -> None:
    response = local_client.get("/healthz")

    assert response.status_code == 200
    assert response.json == {"code": 0, "info": "Succeed", "gateway": "ok", "services": ALL_OK}


def test_health_names_the_service_that_is_down(
    environment: dict[str, str], services: dict[str, Upstream]
) -> None:
    response = _without_chat(environment).get("/healthz")

    assert response.status_code == 503
    assert response.json == {
        "code": -503,
        "info": "Service unavailable",
        "gateway": "ok",
        "services": {**ALL_OK, "chat": "down"},
    }


def test_the_health_of_services_is_cached(local_client: FlaskClient, auth: Upstream) -> None:
    for _ in range(5):
        local_client.get("/healthz")

    assert len(auth.received) < 5


def test_a_service_that_returns_503_is_down(local_client: FlaskClient, chat: Upstream) -> None:
    chat.handler = lambda exchange: exchange.send(
        "HTTP/1.1 503 Service Unavailable", "Content-Length: 0"
    )

    assert _json(local_client, "/healthz")["services"] == {**ALL_OK, "chat": "down"}


def test_health_lists_the_degraded_parts_of_a_service(
    local_client: FlaskClient, chat: Upstream
) -> None:
    parts = {"database": "read-only", "something": "ok"}
    chat.handler = _send_json_of({"code": 0, "info": "Succeed", "parts": parts})

    health = _json(local_client, "/healthz")

    assert (health["services"], health["degraded"]) == (ALL_OK, {"chat": {"database": "read-only"}})


def test_hung_services_delay_health_for_a_bounded_time(
    local_client: FlaskClient, services: dict[str, Upstream]
) -> None:
    released = threading.Event()
    services["social"].handler = services["chat"].handler = hang_until(released)
    begun = time.monotonic()
    health = _json(local_client, "/healthz")
    duration = time.monotonic() - begun
    released.set()

    assert health["services"] == {"auth": "ok", "social": "down", "chat": "down"}
    assert duration < 3


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_the_gateway_is_live_without_services(environment: dict[str, str], path: str) -> None:
    assert _without_chat(environment).get(path).json == {"code": 0, "info": "Succeed"}


def test_the_document_merges_those_of_all_services(
    local_client: FlaskClient, documented: dict[str, Upstream]
) -> None:
    document = _json(local_client, "/openapi.json")

    validate(document)
    assert sorted(document["paths"]) == ["/conversations", "/friends", "/verify"]
    assert [tag["name"] for tag in document["tags"]] == ["/verify", "/friends", "/conversations"]


def test_components_of_equal_names_are_distinguished(
    local_client: FlaskClient, documented: dict[str, Upstream]
) -> None:
    document = _json(local_client, "/openapi.json")

    response = document["paths"]["/friends"]["get"]["responses"]["200"]
    assert json.dumps(response).count("#/components/schemas/social.Thing") == 1
    assert document["components"]["schemas"]["social.Thing"]["description"] == "social"
    assert list(document["components"]["securitySchemes"]) == ["token"]


def test_the_document_omits_a_service_that_is_down(
    environment: dict[str, str], documented: dict[str, Upstream]
) -> None:
    document = _json(_without_chat(environment), "/openapi.json")

    assert sorted(document["paths"]) == ["/friends", "/verify"]


def test_the_document_omits_a_service_with_an_invalid_document(
    local_client: FlaskClient, documented: dict[str, Upstream], chat: Upstream
) -> None:
    chat.handler = lambda exchange: exchange.send(
        "HTTP/1.1 200 OK", "Content-Length: 2", body=b"<>"
    )

    assert sorted(_json(local_client, "/openapi.json")["paths"]) == ["/friends", "/verify"]


def test_the_document_is_cached(local_client: FlaskClient, documented: dict[str, Upstream]) -> None:
    local_client.get("/openapi.json")
    local_client.get("/openapi.json")

    assert len(documented["auth"].received) == 1


def test_concurrent_requests_fetch_the_document_once(
    local_client: FlaskClient, documented: dict[str, Upstream]
) -> None:
    client = local_client.application.test_client

    responses = run_concurrently(*[lambda: client().get("/openapi.json")] * 8)

    assert {response.status_code for response in responses} == {200}
    assert len(documented["auth"].received) == 1


def test_the_document_requires_a_token_except_for_public_operations(
    local_client: FlaskClient, documented: dict[str, Upstream]
) -> None:
    document = _json(local_client, "/openapi.json")

    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"].keys() == {"token"}


def test_the_document_has_an_introduction(
    local_client: FlaskClient, documented: dict[str, Upstream]
) -> None:
    introduction = _json(local_client, "/openapi.json")["info"]["description"]

    for subject in ("**Register.**", "**Authorize.**", "**Errors.**", "**Live.**"):
        assert subject in introduction


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js"])
def test_a_long_document_is_compressed(
    local_client: FlaskClient, documented: dict[str, Upstream], path: str
) -> None:
    response = local_client.get(path, headers={"Accept-Encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.data) == local_client.get(path).data


def test_the_page_loads_nothing_from_other_origins(local_client: FlaskClient) -> None:
    page = local_client.get("/docs", buffered=True)

    assert page.mimetype == "text/html"
    assert "//" not in page.text
    assert "default-src 'none'; script-src 'self';" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui.css", "text/css"),
        ("swagger-ui-bundle.js", "text/javascript"),
        ("docs.js", "text/javascript"),
        ("favicon-32x32.png", "image/png"),
    ],
)
def test_the_files_of_the_page_are_served(local_client: FlaskClient, name: str, kind: str) -> None:
    response = local_client.get(f"/docs/{name}", buffered=True)

    assert (response.status_code, response.mimetype) == (200, kind)


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js", "/openapi.json"])
def test_the_documents_can_be_turned_off(environment: dict[str, str], path: str) -> None:
    client = create_app({**environment, "API_DOCS": "off"}).test_client()

    assert client.get(path).json == {"code": -404, "info": "Not found"}


@pytest.mark.parametrize("name", ["index.html", "nothing.js", "docs.html", "..%2fapp.py"])
def test_other_files_are_not_served(local_client: FlaskClient, name: str) -> None:
    response = local_client.get(f"/docs/{name}")

    assert (response.status_code, response.json) == (404, {"code": -404, "info": "Not found"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_SERVICE_URL", ""),
        ("CHAT_SERVICE_URL", "chat:8000"),
        ("CHAT_SERVICE_URL", "https://chat"),
        ("CHAT_SERVICE_URL", "http://chat/path"),
        ("CHAT_SERVICE_URL", "http://chat:port"),
        ("JWT_PUBLIC_KEYS", ""),
        ("TRUSTED_PROXIES", "-1"),
        ("MAX_BODY_BYTES", "16M"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        create_app({**environment, name: value})
