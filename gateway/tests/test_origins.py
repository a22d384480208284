"""Web pages of the configured origins may call, and read every answer."""

import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.tests.upstreams import Upstream

PAGE = "https://chat.example"


def test_a_preflight_is_answered_by_the_gateway(unserved: FlaskClient, social: Upstream) -> None:
    response = unserved.options(
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


def test_where_any_origin_may_call_a_preflight_grants_what_it_asks(unserved: FlaskClient) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,cache-control,x-requested-with",
    }

    granted = unserved.options("/friends", headers=asked).headers

    assert granted["Access-Control-Allow-Headers"] == (
        "authorization, cache-control, x-requested-with"
    )


def test_where_some_origins_may_call_a_preflight_grants_what_the_api_reads(
    environment: dict[str, str],
) -> None:
    client = create_app({**environment, "CORS_ORIGINS": PAGE}).test_client()
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, x-requested-with",
    }

    granted = client.options("/friends", headers=asked).headers

    assert granted["Access-Control-Allow-Headers"] == "authorization"


@pytest.mark.parametrize("path", ["/friends", "/nowhere", "/", "/healthz"])
def test_options_need_no_token(unserved: FlaskClient, path: str) -> None:
    assert unserved.options(path).status_code == 200


@pytest.mark.parametrize("path", ["/csrf", "/friends", "/docs/nothing", "/livez"])
def test_every_answer_may_be_read(unserved: FlaskClient, path: str) -> None:
    response = unserved.get(path, headers={"Origin": PAGE})

    assert response.headers.getlist("Access-Control-Allow-Origin") == [PAGE]
    assert response.headers["Access-Control-Expose-Headers"] == "Retry-After, X-Request-Id"


def test_a_cache_keeps_answers_for_different_origins_apart(unserved: FlaskClient) -> None:
    assert unserved.get("/csrf").headers.getlist("Vary") == ["Origin"]


def test_other_origins_are_not_let_in(environment: dict[str, str]) -> None:
    client = create_app({**environment, "CORS_ORIGINS": f"{PAGE},https://b.example"}).test_client()

    allowed = client.get("/livez", headers={"Origin": PAGE}).headers
    refused = client.get("/livez", headers={"Origin": "https://chat.example.evil"}).headers

    assert allowed["Access-Control-Allow-Origin"] == PAGE
    assert "Access-Control-Allow-Origin" not in refused


def test_every_answer_is_protected(unserved: FlaskClient) -> None:
    headers = unserved.get("/friends").headers

    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
