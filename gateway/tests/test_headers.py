"""Headers and addresses of forwarded requests, and their logging."""

from collections.abc import Callable, Mapping

import pytest

from gateway.app import create_app
from gateway.tests.upstreams import Upstream
from gateway.tests.wire import Gateway, read_head

StartGateway = Callable[[Mapping[str, str]], Gateway]


def test_ordinary_headers_reach_the_service_unchanged(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    gateway.request(
        "GET",
        "/conversations",
        "Accept: image/webp;q=0.5",
        'If-None-Match: "abc"',
        "X-Own: \xe4",
        "Cookie: a=b",
        token=token,
    )

    exchange = chat.received[0].headers
    assert exchange["Authorization"] == token
    assert (exchange["Accept"], exchange["If-None-Match"]) == ("image/webp;q=0.5", '"abc"')
    assert (exchange["X-Own"], exchange["Cookie"]) == ("\xe4", "a=b")


def test_the_host_header_is_forwarded(gateway: Gateway, chat: Upstream) -> None:
    gateway.send_head("GET /media/a HTTP/1.1", "Host: chat.example:81", "X-Forwarded-Host: evil")

    exchange = chat.received[0].headers
    assert (exchange["Host"], exchange["X-Forwarded-Host"]) == ("chat.example:81", None)


def test_a_request_without_a_host_is_forwarded_with_an_empty_one(
    gateway: Gateway, chat: Upstream
) -> None:
    gateway.send_head("GET /media/a HTTP/1.0")

    assert chat.received[0].headers.get_all("Host") == [""]


@pytest.mark.parametrize("host", ["x..y", ".x", f"{'x' * 64}.example"])
def test_a_host_that_is_no_name_is_a_bad_request(gateway: Gateway, host: str) -> None:
    response = gateway.send_head("GET /livez HTTP/1.1", f"Host: {host}")

    assert (response.status, response.json) == (400, {"code": -400, "info": "Bad request"})


def test_the_gateway_adds_no_other_headers(gateway: Gateway, chat: Upstream) -> None:
    gateway.send_head("GET /media/a HTTP/1.1", "Host: x")

    assert sorted(chat.received[0].headers) == [
        "Host",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Request-Id",
    ]


@pytest.mark.parametrize(
    "header",
    [
        "X-User-Id: 1",
        "X-Internal-Secret: s",
        "X-Real-IP: 1.1.1.1",
        "X-Forwarded-Prefix: /p",
        "X-Original-URL: /internal",
        "Forwarded: for=1.1.1.1",
        "Remote-User: root",
        "Proxy: http://evil",
        "Proxy-Authorization: Basic x",
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "Upgrade: h2c",
        "Expect: 100-continue",
    ],
)
def test_untrusted_headers_are_removed(gateway: Gateway, chat: Upstream, header: str) -> None:
    with gateway.open_connection("GET /media/a HTTP/1.1", "Host: x", header) as connection:
        read_head(connection).close()

    assert header.partition(":")[0] not in chat.received[0].headers


def test_hop_by_hop_headers_are_not_forwarded(gateway: Gateway, chat: Upstream) -> None:
    gateway.send_head("GET /media/a HTTP/1.1", "Host: x", "Connection: X-Hop, Host", "X-Hop: 1")

    exchange = chat.received[0].headers
    assert (exchange["X-Hop"], exchange["Connection"], exchange["Host"]) == (None, None, "x")


def test_the_address_of_a_client_is_that_of_its_connection(
    gateway: Gateway, chat: Upstream
) -> None:
    gateway.request("GET", "/media/a", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https")

    exchange = chat.received[0].headers
    assert exchange.get_all("X-Forwarded-For") == ["127.0.0.1"]
    assert exchange.get_all("X-Forwarded-Proto") == ["http"]


def test_only_the_configured_number_of_proxies_is_trusted(
    environment: dict[str, str], chat: Upstream
) -> None:
    behind_one = create_app({**environment, "TRUSTED_PROXIES": "1"}).test_client()
    behind_one.get(
        "/media/a",
        headers={"X-Forwarded-For": "6.6.6.6, 2.2.2.2", "X-Forwarded-Proto": "https"},
        buffered=True,
    )

    exchange = chat.received[0].headers
    assert (exchange["X-Forwarded-For"], exchange["X-Forwarded-Proto"]) == ("2.2.2.2", "https")


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", "unknown"),
    ],
)
def test_the_address_of_a_client_has_no_port(
    environment: dict[str, str], chat: Upstream, written: str, address: str
) -> None:
    behind_one = create_app({**environment, "TRUSTED_PROXIES": "1"}).test_client()
    behind_one.get("/media/a", headers={"X-Forwarded-For": written}, buffered=True)

    assert chat.received[0].headers["X-Forwarded-For"] == address


def test_an_untrusted_address_is_logged_once(
    environment: dict[str, str], start_gateway: StartGateway
) -> None:
    gateway = start_gateway(environment)
    for name in ("one", "two"):
        gateway.request("GET", "/nowhere", "X-Forwarded-For: 1.1.1.1", f"X-Request-Id: {name}")

    gateway.wait_for_log("two")
    warnings = [line for line in gateway.log if "forwarded_address_ignored" in line]
    assert ["TRUSTED_PROXIES" in line for line in warnings] == [True]


def test_a_request_id_is_forwarded_and_logged(gateway: Gateway, chat: Upstream) -> None:
    response = gateway.request("GET", "/media/a", "X-Request-Id: mine-1")

    assert response.header("X-Request-Id") == ["mine-1"]
    assert chat.received[0].headers.get_all("X-Request-Id") == ["mine-1"]
    assert '"route":"/media"' in gateway.wait_for_log("mine-1")


def test_a_refused_request_is_logged_with_its_route(gateway: Gateway) -> None:
    assert gateway.request("GET", "/friends/7", "X-Request-Id: refused-1").status == 401

    assert '"route":"/friends"' in gateway.wait_for_log("refused-1")


def test_a_request_without_an_id_gets_one(gateway: Gateway, chat: Upstream) -> None:
    response = gateway.request("GET", "/media/a", "X-Request-Id: {not well-formed}")

    assert response.header("X-Request-Id") == [chat.received[0].headers["X-Request-Id"]]
    assert len(response.header("X-Request-Id")[0]) == 32


def test_a_query_is_not_logged(gateway: Gateway, token: str) -> None:
    gateway.request("GET", f"/ws/?token={token}", "X-Request-Id: with-a-token")

    gateway.wait_for_log("with-a-token")
    assert not [line for line in gateway.log if token in line]


@pytest.mark.parametrize(
    "line",
    ["GET /ws/?token={} HTTP/1.1 x", "GET /ws/?token={}\x01 HTTP/1.1", "Authorization {}"],
)
def test_an_invalid_request_line_is_not_logged(gateway: Gateway, token: str, line: str) -> None:
    logged = len(gateway.log)

    response = gateway.send_head("GET /friends HTTP/1.1", line.format(token), "Host: x")

    assert (response.status, response.json) == (400, {"code": -400, "info": "Bad request"})
    gateway.wait_for_log("invalid_request", after=logged)
    assert not [written for written in gateway.log if token[:40] in written]
