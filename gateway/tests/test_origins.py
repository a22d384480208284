"""Web pages of the configured origins can send requests and read all responses."""

import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.tests.upstreams import Upstream

PAGE = "https://chat.example"


def test_a_preflight_is_answered_by_the_gateway(
    local_client: FlaskClient, social: Upstream
) -> None:
    response = local_client.options(
        "/friends",
        headers={
            "Origin": PAGE,
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "authorization, content-type, x-request-id",
        },
    )

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "DELETE" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"] == (
        "authorization, content-type, x-request-id"
    )
    assert response.headers["Access-Control-Max-Age"] == "600"
    assert not social.received


def test_with_all_origins_a_preflight_allows_all_headers(local_client: FlaskClient) -> None:
    requested = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,cache-control,x-requested-with",
    }

    granted = local_client.options("/friends", headers=requested).headers

    assert granted["Access-Control-Allow-Headers"] == (
        "authorization, cache-control, x-requested-with"
    )


def test_with_some_origins_a_preflight_allows_the_headers_of_the_api(
    environment: dict[str, str],
) -> None:
    client = create_app({**environment, "CORS_ORIGINS": PAGE}).test_client()
    requested = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, x-requested-with",
    }

    granted = client.options("/friends", headers=requested).headers

    assert granted["Access-Control-Allow-Headers"] == "authorization"


@pytest.mark.parametrize("path", ["/friends", "/nowhere", "/", "/healthz"])
def test_options_need_no_token(local_client: FlaskClient, path: str) -> None:
    assert local_client.options(path).status_code == 200


@pytest.mark.parametrize("path", ["/csrf", "/friends", "/docs/nothing", "/livez"])
def test_every_response_can_be_read(local_client: FlaskClient, path: str) -> None:
    response = local_client.get(path, headers={"Origin": PAGE})

    assert response.headers.getlist("Access-Control-Allow-Origin") == [PAGE]
    assert response.headers["Access-Control-Expose-Headers"] == "Retry-After, X-Request-Id"


def test_a_cache_distinguishes_origins(local_client: FlaskClient) -> None:
    assert local_client.get("/csrf").headers.getlist("Vary") == ["Origin"]


def test_other_origins_are_not_allowed(environment: dict[str, str]) -> None:
    client = create_app({**environment, "CORS_ORIGINS": f"{PAGE},https://b.example"}).test_client()

    allowed = client.get("/livez", headers={"Origin": PAGE}).headers
    refused = client.get("/livez", headers={"Origin": "https://chat.example.evil"}).headers

    assert allowed["Access-Control-Allow-Origin"] == PAGE
    assert "Access-Control-Allow-Origin" not in refused


def test_every_response_has_the_security_headers(local_client: FlaskClient) -> None:
    headers = local_client.get("/friends").headers

    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
