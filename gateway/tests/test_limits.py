"""Rate limits of the gateway: by address, by account, and of websockets."""

import time
from collections.abc import Callable, Mapping

import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.tests.conftest import ALICE
from gateway.tests.upstreams import Upstream, echo_websocket
from gateway.tests.wire import Gateway
from shared.testing.tokens import issue

BOB = ALICE + 1
TOO_MANY_REQUESTS = {"code": -429, "info": "Too many requests"}

Limited = Callable[..., FlaskClient]


@pytest.fixture
def limited(environment: Mapping[str, str], services: dict[str, Upstream]) -> Limited:
    """A gateway in the process of the tests, with its own limits."""
    return lambda **settings: create_app({**environment, **settings}).test_client()


def _get_status(gateway: FlaskClient, user_id: int = ALICE, address: str = "192.0.2.1") -> int:
    return gateway.get(
        "/friends",
        headers={"Authorization": issue(user_id)},
        environ_base={"REMOTE_ADDR": address},
    ).status_code


def test_an_account_is_limited_from_all_addresses(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="2/minute")
    assert [_get_status(gateway, address=f"192.0.2.{last}") for last in range(3)] == [200, 200, 429]
    assert _get_status(gateway, BOB) == 200


def test_a_429_is_delayed_by_a_second(
    limited: Limited,
) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="1/minute")
    _get_status(gateway)
    begun = time.monotonic()
    assert _get_status(gateway) == 429
    assert time.monotonic() - begun >= 1


def test_an_address_is_limited_for_all_accounts(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="2/minute")
    assert [_get_status(gateway, user_id) for user_id in (ALICE, BOB, BOB)] == [200, 200, 429]
    assert _get_status(gateway, BOB, "192.0.2.2") == 200


def test_requests_without_a_token_are_limited_by_address(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute")
    assert [gateway.post("/account/login").status_code for _ in range(2)] == [200, 429]


def test_a_429_is_json_with_retry_after(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute")
    gateway.get("/livez")

    refusal = gateway.get("/livez", headers={"Origin": "https://web.example"})

    assert (refusal.status_code, refusal.json) == (429, TOO_MANY_REQUESTS)
    assert 0 < int(refusal.headers["Retry-After"]) <= 60
    assert "Retry-After" in refusal.headers["Access-Control-Expose-Headers"]


def test_a_refused_request_is_not_forwarded(
    limited: Limited, services: dict[str, Upstream]
) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="1/minute")
    assert [_get_status(gateway), _get_status(gateway)] == [200, 429]
    assert len(services["social"].received) == 1


def test_invalid_tokens_and_preflights_count_for_their_address(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="2/minute")
    assert [gateway.get("/friends").status_code for _ in range(3)] == [401, 401, 429]
    assert gateway.options("/friends").status_code == 429


def test_an_invalid_token_counts_for_no_account(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="1/minute")
    headers = {"Authorization": issue(ALICE, exp=1)}
    assert [gateway.get("/friends", headers=headers).status_code for _ in range(3)] == [401] * 3
    assert _get_status(gateway) == 200


def test_a_request_after_retry_after_succeeds(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/second")
    gateway.get("/livez")
    retry_at = time.monotonic() + float(gateway.get("/livez").headers["Retry-After"])
    sent_at = time.monotonic()
    while gateway.get("/livez").status_code == 429:
        assert sent_at < retry_at
        time.sleep(0.02)
        sent_at = time.monotonic()


def test_a_client_cannot_choose_its_address(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute")
    claims = [{"X-Forwarded-For": f"198.51.100.{last}"} for last in range(2)]
    assert [gateway.get("/livez", headers=claim).status_code for claim in claims] == [200, 429]


def test_clients_of_a_trusted_proxy_are_counted_separately(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute", TRUSTED_PROXIES="1")
    clients = [{"X-Forwarded-For": f"203.0.113.9, 198.51.100.{last}"} for last in (1, 2, 2)]
    assert [gateway.get("/livez", headers=client).status_code for client in clients] == [
        200,
        200,
        429,
    ]


def test_the_port_of_a_client_is_no_part_of_its_address(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute", TRUSTED_PROXIES="1")
    for host in ("198.51.100.1:{}", "[2001:db8::1]:{}"):
        clients = [{"X-Forwarded-For": host.format(port)} for port in (40000, 40001)]
        statuses = [gateway.get("/livez", headers=client).status_code for client in clients]
        assert statuses == [200, 429]


def test_new_websockets_of_an_account_are_limited(
    environment: dict[str, str],
    services: dict[str, Upstream],
    start_gateway: Callable[[Mapping[str, str]], Gateway],
) -> None:
    services["chat"].handler = echo_websocket
    gateway = start_gateway({**environment, "RATE_LIMIT_WEBSOCKETS": "1/minute"})
    handshake = (
        "Host: gateway",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    tokens = [issue(ALICE), issue(ALICE), issue(BOB)]
    responses = [
        gateway.send_head(f"GET /ws/?token={t} HTTP/1.1", *handshake).status for t in tokens
    ]
    assert responses == [101, 429, 101]


def test_limits_can_be_turned_off(limited: Limited) -> None:
    gateway = limited(RATE_LIMITS="off", RATE_LIMIT_ADDRESS="1/hour", RATE_LIMIT_ACCOUNT="1/hour")
    assert [_get_status(gateway) for _ in range(3)] == [200] * 3


def test_the_default_limits_allow_a_thousand_requests_in_a_row(
    limited: Limited, token: str
) -> None:
    gateway = limited()
    headers = {"Authorization": token}
    assert {gateway.get("/nowhere", headers=headers).status_code for _ in range(1000)} == {404}


@pytest.mark.parametrize("value", ["many", "0/minute", "20/fortnight", "1/minute or", "-1/second"])
def test_an_invalid_limit_prevents_the_start(limited: Limited, value: str) -> None:
    with pytest.raises(Exception, match=r"RATE_LIMIT_ADDRESS: is not like 20/minute"):
        limited(RATE_LIMIT_ADDRESS=value)
