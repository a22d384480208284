"""A request reaches its service unchanged, and its answer the client."""

import threading
from collections.abc import Callable, Mapping

import pytest

from gateway.app import create_app
from gateway.tests.upstreams import Exchange, Upstream
from gateway.tests.wire import SECONDS, Gateway, answer_on, chunk, whole

OK = ("HTTP/1.1 200 OK", "Content-Type: text/plain")
StartGateway = Callable[[Mapping[str, str]], Gateway]


def _sends(*lines: str, body: bytes = b"") -> Callable[[Exchange], None]:
    return lambda got: got.send(*lines, body=body)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_body_is_passed_on_whatever_the_method(gateway: Gateway, token: str, method: str) -> None:
    sent = b'{"conversation_id": 7}'
    answer = gateway.ask(method, "/conversations?a=b", token=token, body=sent)

    assert (answer.json["method"], answer.json["body"]) == (method, sent.decode())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_chunked_body_is_passed_on(gateway: Gateway, token: str, method: str) -> None:
    body = chunk(b"a" * 70_000) + chunk(b"b" * 70_000) + chunk(b"")
    answer = gateway.ask(
        method, "/conversations", "Transfer-Encoding: chunked", token=token, body=body
    )

    assert answer.json["body"] == "a" * 70_000 + "b" * 70_000


def test_a_large_body_with_a_length_keeps_its_length(
    gateway: Gateway, auth: Upstream, token: str
) -> None:
    answer = gateway.ask("PUT", "/account/info", token=token, body=b"x" * 500_000)

    assert answer.json["body"] == "x" * 500_000
    assert auth.received[0].headers.get_all("Content-Length") == ["500000"]
    assert "Transfer-Encoding" not in auth.received[0].headers


def test_a_chunked_body_reaches_its_service_with_a_length(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    body = chunk(b"a" * 70_000) + chunk(b"b" * 70_000) + chunk(b"")
    chunked = "Transfer-Encoding: chunked"
    gateway.ask("POST", "/conversations", chunked, token=token, body=body)

    assert chat.received[0].headers["Content-Length"] == "140000"
    assert chat.received[0].headers["Transfer-Encoding"] is None


def test_a_download_is_not_held_back(gateway: Gateway, chat: Upstream) -> None:
    first_block_came = threading.Event()

    def write(got: Exchange) -> None:
        got.send(*OK, "Content-Length: 20", body=b"x" * 10)
        assert first_block_came.wait(SECONDS)
        got.wfile.write(b"y" * 10)

    chat.answer = write
    with gateway.asking("GET", "/media/a") as response:
        assert response.read(10) == b"x" * 10
        first_block_came.set()
        assert response.read() == b"y" * 10


def test_a_chunked_answer_arrives_whole(gateway: Gateway, chat: Upstream) -> None:
    body = chunk(b"a" * 100_000) + chunk(b"b") + chunk(b"")
    chat.answer = _sends(*OK, "Transfer-Encoding: chunked", body=body)

    assert gateway.ask("GET", "/media/a").body == b"a" * 100_000 + b"b"


def test_an_answer_that_ends_with_its_connection_arrives_whole(
    gateway: Gateway, chat: Upstream
) -> None:
    def close_at_the_end(got: Exchange) -> None:
        got.send(*OK, body=b"x" * 100_000)
        got.close_connection = True

    chat.answer = close_at_the_end

    assert gateway.ask("GET", "/media/a").body == b"x" * 100_000


def test_an_announcement_is_not_the_answer(gateway: Gateway, chat: Upstream) -> None:
    announced = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    chat.answer = _sends("HTTP/1.1 103 Early Hints", "Link: </a>", body=announced)

    answer = gateway.ask("GET", "/media/a")

    assert (answer.status, answer.header("Link"), answer.body) == (200, [], b"ok")


def test_ordinary_headers_reach_the_service_unchanged(
    gateway: Gateway, chat: Upstream, token: str
) -> None:
    gateway.ask(
        "GET",
        "/conversations",
        "Accept: image/webp;q=0.5",
        'If-None-Match: "abc"',
        "X-Own: \xe4",
        "Cookie: a=b",
        token=token,
    )

    got = chat.received[0].headers
    assert got["Authorization"] == token
    assert (got["Accept"], got["If-None-Match"]) == ("image/webp;q=0.5", '"abc"')
    assert (got["X-Own"], got["Cookie"]) == ("\xe4", "a=b")


def test_the_service_sees_the_host_that_the_client_asked(gateway: Gateway, chat: Upstream) -> None:
    gateway.say("GET /media/a HTTP/1.1", "Host: chat.example:81", "X-Forwarded-Host: evil")

    got = chat.received[0].headers
    assert (got["Host"], got["X-Forwarded-Host"]) == ("chat.example:81", None)


def test_a_request_without_a_host_names_none_to_the_service(
    gateway: Gateway, chat: Upstream
) -> None:
    gateway.say("GET /media/a HTTP/1.0")

    assert chat.received[0].headers.get_all("Host") == [""]


def test_the_gateway_adds_nothing_of_its_own(gateway: Gateway, chat: Upstream) -> None:
    gateway.say("GET /media/a HTTP/1.1", "Host: x")

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
def test_what_a_client_may_not_say_is_left_out(
    gateway: Gateway, chat: Upstream, header: str
) -> None:
    with gateway.saying("GET /media/a HTTP/1.1", "Host: x", header) as connection:
        answer_on(connection).close()

    assert header.partition(":")[0] not in chat.received[0].headers


def test_headers_of_the_connection_stay_with_it(gateway: Gateway, chat: Upstream) -> None:
    gateway.say("GET /media/a HTTP/1.1", "Host: x", "Connection: X-Hop, Host", "X-Hop: 1")

    got = chat.received[0].headers
    assert (got["X-Hop"], got["Connection"], got["Host"]) == (None, None, "x")


def test_the_client_is_known_by_its_connection(gateway: Gateway, chat: Upstream) -> None:
    gateway.ask("GET", "/media/a", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https")

    got = chat.received[0].headers
    assert got.get_all("X-Forwarded-For") == ["127.0.0.1"]
    assert got.get_all("X-Forwarded-Proto") == ["http"]


def test_only_as_many_proxies_are_believed_as_there_are(
    environment: dict[str, str], chat: Upstream
) -> None:
    behind_one = create_app({**environment, "TRUSTED_PROXIES": "1"}).test_client()
    behind_one.get(
        "/media/a",
        headers={"X-Forwarded-For": "6.6.6.6, 2.2.2.2", "X-Forwarded-Proto": "https"},
        buffered=True,
    )

    got = chat.received[0].headers
    assert (got["X-Forwarded-For"], got["X-Forwarded-Proto"]) == ("2.2.2.2", "https")


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


def test_an_address_that_is_not_believed_is_warned_of_once(
    environment: dict[str, str], start_gateway: StartGateway
) -> None:
    gateway = start_gateway(environment)
    for name in ("one", "two"):
        gateway.ask("GET", "/nowhere", "X-Forwarded-For: 1.1.1.1", f"X-Request-Id: {name}")

    gateway.wait_for_log("two")
    warnings = [line for line in gateway.log if "forwarded_address_ignored" in line]
    assert ["TRUSTED_PROXIES" in line for line in warnings] == [True]


def test_a_request_id_is_kept_and_logged(gateway: Gateway, chat: Upstream) -> None:
    answer = gateway.ask("GET", "/media/a", "X-Request-Id: mine-1")

    assert answer.header("X-Request-Id") == ["mine-1"]
    assert chat.received[0].headers.get_all("X-Request-Id") == ["mine-1"]
    assert '"route":"/media"' in gateway.wait_for_log("mine-1")


def test_a_refused_request_is_logged_with_its_route(gateway: Gateway) -> None:
    assert gateway.ask("GET", "/friends/7", "X-Request-Id: refused-1").status == 401

    assert '"route":"/friends"' in gateway.wait_for_log("refused-1")


def test_a_request_without_an_id_gets_one(gateway: Gateway, chat: Upstream) -> None:
    answer = gateway.ask("GET", "/media/a", "X-Request-Id: {not well-formed}")

    assert answer.header("X-Request-Id") == [chat.received[0].headers["X-Request-Id"]]
    assert len(answer.header("X-Request-Id")[0]) == 32


def test_an_answer_keeps_its_status_and_headers(gateway: Gateway, chat: Upstream) -> None:
    chat.answer = _sends(
        "HTTP/1.1 201 Created",
        "Content-Length: 2",
        "Content-Encoding: gzip",
        "Content-Type: image/png",
        "Cache-Control: immutable",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2; Path=/",
        "Server: secret",
        "Connection: X-Hop",
        "X-Hop: 1",
        body=b"\x1f\x8b",
    )

    answer = gateway.ask("GET", "/media/a")

    assert (answer.status, answer.body) == (201, b"\x1f\x8b")
    assert answer.header("Content-Encoding") == ["gzip"]
    assert answer.header("Content-Type") == ["image/png"]
    assert answer.header("Cache-Control") == ["immutable"]
    assert answer.header("Set-Cookie") == ["a=1", "b=2; Path=/"]
    assert answer.header("X-Content-Type-Options") == ["nosniff"]
    assert answer.header("X-Hop") == []
    assert answer.header("Server") == []
    assert len(answer.header("Date")) == 1


def test_a_redirect_is_the_clients_to_follow(gateway: Gateway, chat: Upstream) -> None:
    chat.answer = _sends("HTTP/1.1 302 Found", "Location: /media/b", "Content-Length: 0")

    answer = gateway.ask("GET", "/media/a")

    assert (answer.status, answer.header("Location")) == (302, ["/media/b"])
    assert len(chat.received) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_has_none(gateway: Gateway, chat: Upstream, status: str) -> None:
    chat.answer = _sends(f"HTTP/1.1 {status}")

    answer = gateway.ask("GET", "/media/a")

    assert (answer.status, answer.body) == (int(status[:3]), b"")
    assert answer.header("Content-Type") == []


def test_head_tells_the_length_and_sends_nothing(gateway: Gateway, chat: Upstream) -> None:
    chat.answer = _sends(*OK, "Content-Length: 5")

    answer = gateway.ask("HEAD", "/media/a")

    assert (answer.header("Content-Length"), answer.body) == (["5"], b"")


def test_one_connection_serves_many_requests(gateway: Gateway, chat: Upstream) -> None:
    head = ("GET /media/a HTTP/1.1", "Host: x")
    with gateway.saying(*head) as connection:
        whole(answer_on(connection))
        connection.sendall("\r\n".join((*head, "", "")).encode())
        assert whole(answer_on(connection)).status == 200

    addresses = {got.client_address for got in chat.received}
    assert len(addresses) == 1


@pytest.mark.parametrize("query", ["q=100%&p=%E4%BD%A0", "a=1&a=2&b", "q=<'{"])
def test_a_query_is_passed_on_as_it_came(
    gateway: Gateway, chat: Upstream, token: str, query: str
) -> None:
    gateway.ask("GET", f"/conversations?{query}", token=token)

    assert chat.received[0].path == f"/conversations?{query}"


def test_a_query_is_never_logged(gateway: Gateway, token: str) -> None:
    gateway.ask("GET", f"/ws/?token={token}", "X-Request-Id: with-a-token")

    gateway.wait_for_log("with-a-token")
    assert not [line for line in gateway.log if token in line]


@pytest.mark.parametrize(
    "line",
    ["GET /ws/?token={} HTTP/1.1 x", "GET /ws/?token={}\x01 HTTP/1.1", "Authorization {}"],
)
def test_a_line_that_is_no_request_is_never_logged(gateway: Gateway, token: str, line: str) -> None:
    logged = len(gateway.log)

    answer = gateway.say("GET /friends HTTP/1.1", line.format(token), "Host: x")

    assert (answer.status, answer.json) == (400, {"code": -400, "info": "Bad request"})
    gateway.wait_for_log("invalid_request", after=logged)
    assert not [written for written in gateway.log if token[:40] in written]


def test_a_client_that_leaves_frees_the_service(gateway: Gateway, chat: Upstream) -> None:
    broken = threading.Event()

    def write(got: Exchange) -> None:
        got.send(*OK, "Content-Length: 1000000000")
        try:
            while True:
                got.wfile.write(b"x" * 100_000)
        except OSError:
            got.close_connection = True
            broken.set()

    chat.answer = write
    with gateway.asking("GET", "/media/a") as response:
        response.read(10)
        response.close()
    assert broken.wait(SECONDS)
