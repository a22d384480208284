"""Rate limits of the gateway: by address, by account, and of websockets."""

import time
from collections.abc import Callable, Mapping

import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.tests.conftest import ALICE
from gateway.tests.upstreams import Upstream, talk
from gateway.tests.wire import Gateway
from shared.testing.tokens import issue

BOB = ALICE + 1
TOO_MANY_REQUESTS = {"code": -429, "info": "Too many requests"}

Limited = Callable[..., FlaskClient]


@pytest.fixture
def limited(environment: Mapping[str, str], services: dict[str, Upstream]) -> Limited:
    """A gateway within the test's process, with limits of the test's own."""
    return lambda **settings: create_app({**environment, **settings}).test_client()


def _ask(gateway: FlaskClient, user_id: int = ALICE, address: str = "192.0.2.1") -> int:
    return gateway.get(
        "/friends",
        headers={"Authorization": issue(user_id)},
        environ_base={"REMOTE_ADDR": address},
    ).status_code


def test_one_account_is_limited_wherever_it_comes_from(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="2/minute")
    assert [_ask(gateway, address=f"192.0.2.{last}") for last in range(3)] == [200, 200, 429]
    assert _ask(gateway, BOB) == 200


def test_a_refused_client_waits_a_second_so_that_its_next_request_comes_later(
    limited: Limited,
) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="1/minute")
    _ask(gateway)
    begun = time.monotonic()
    assert _ask(gateway) == 429
    assert time.monotonic() - begun >= 1


def test_one_address_is_limited_whoever_it_is(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="2/minute")
    assert [_ask(gateway, user_id) for user_id in (ALICE, BOB, BOB)] == [200, 200, 429]
    assert _ask(gateway, BOB, "192.0.2.2") == 200


def test_who_has_no_token_is_limited_by_address(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute")
    assert [gateway.post("/account/login").status_code for _ in range(2)] == [200, 429]


def test_a_refusal_is_json_and_says_when_to_come_back(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute")
    gateway.get("/livez")

    refusal = gateway.get("/livez", headers={"Origin": "https://web.example"})

    assert (refusal.status_code, refusal.json) == (429, TOO_MANY_REQUESTS)
    assert 0 < int(refusal.headers["Retry-After"]) <= 60
    assert "Retry-After" in refusal.headers["Access-Control-Expose-Headers"]


def test_a_refused_request_reaches_no_service(
    limited: Limited, services: dict[str, Upstream]
) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="1/minute")
    assert [_ask(gateway), _ask(gateway)] == [200, 429]
    assert len(services["social"].received) == 1


def test_refused_tokens_and_preflights_count_for_their_address(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="2/minute")
    assert [gateway.get("/friends").status_code for _ in range(3)] == [401, 401, 429]
    assert gateway.options("/friends").status_code == 429


def test_a_refused_token_counts_for_no_account(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ACCOUNT="1/minute")
    headers = {"Authorization": issue(ALICE, exp=1)}
    assert [gateway.get("/friends", headers=headers).status_code for _ in range(3)] == [401] * 3
    assert _ask(gateway) == 200


def test_after_retry_after_there_is_room_again(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/second")
    gateway.get("/livez")
    deadline = time.monotonic() + float(gateway.get("/livez").headers["Retry-After"])
    while gateway.get("/livez").status_code == 429:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_cannot_choose_the_address_that_it_is_counted_by(limited: Limited) -> None:
    gateway = limited(RATE_LIMIT_ADDRESS="1/minute")
    claims = [{"X-Forwarded-For": f"198.51.100.{last}"} for last in range(2)]
    assert [gateway.get("/livez", headers=claim).status_code for claim in claims] == [200, 429]


def test_behind_a_trusted_proxy_the_clients_are_told_apart(limited: Limited) -> None:
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


def test_one_account_opens_only_so_many_websockets(
    environment: dict[str, str],
    services: dict[str, Upstream],
    start_gateway: Callable[[Mapping[str, str]], Gateway],
) -> None:
    services["chat"].answer = talk
    gateway = start_gateway({**environment, "RATE_LIMIT_WEBSOCKETS": "1/minute"})
    handshake = (
        "Host: gateway",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    tokens = [issue(ALICE), issue(ALICE), issue(BOB)]
    answers = [gateway.say(f"GET /ws/?token={t} HTTP/1.1", *handshake).status for t in tokens]
    assert answers == [101, 429, 101]


def test_limits_can_be_turned_off(limited: Limited) -> None:
    gateway = limited(RATE_LIMITS="off", RATE_LIMIT_ADDRESS="1/hour", RATE_LIMIT_ACCOUNT="1/hour")
    assert [_ask(gateway) for _ in range(3)] == [200] * 3


def test_the_defaults_let_a_thousand_requests_in_a_row_pass(limited: Limited, token: str) -> None:
    gateway = limited()
    headers = {"Authorization": token}
    assert {gateway.get("/nowhere", headers=headers).status_code for _ in range(1000)} == {404}


@pytest.mark.parametrize("value", ["many", "0/minute", "20/fortnight", "1/minute or", "-1/second"])
def test_a_limit_that_is_none_stops_the_start(limited: Limited, value: str) -> None:
    with pytest.raises(Exception, match=r"RATE_LIMIT_ADDRESS: is not like 20/minute"):
        limited(RATE_LIMIT_ADDRESS=value)
