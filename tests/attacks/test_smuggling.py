"""All programs agree on the boundaries of requests, or reject them."""

import pytest

from tests.attacks.wire import Door, head, statuses
from tests.client import ApiClient

pytestmark = pytest.mark.slow

CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
BODY = b'{"name": "smuggled"}'

AMBIGUOUS: dict[str, tuple[tuple[str, ...], bytes]] = {
    "a length and a coding": (("Content-Length: 5", CHUNKED), END),
    "a coding and a length": ((CHUNKED, "Content-Length: 5"), END),
    "two lengths": (("Content-Length: 0", f"Content-Length: {len(BODY)}"), b""),
    "a list of lengths": (("Content-Length: 0, 2",), b""),
    "a negative length": (("Content-Length: -1",), b""),
    "a length with a sign": (("Content-Length: +2",), b"{}"),
    "a length of other digits": (("Content-Length: ²",), b"{}"),
    "a length in two parts": (("Content-Length: 1 2",), b"{}"),
    "an unknown coding": (("Transfer-Encoding: xchunked",), END),
    "two codings": (("Transfer-Encoding: identity, chunked",), END),
    "the coding twice": ((CHUNKED, CHUNKED), END),
    "a coding after a blank": (("Transfer-Encoding : chunked",), END),
    "a coding after a tab": (("Transfer-Encoding: \x0bchunked",), END),
    "a coding on a folded line": (("Transfer-Encoding:", " chunked", "Content-Length: 2"), b"{}"),
    "a header folded into another": (("X: y", f" {CHUNKED}", "Content-Length: 2"), b"{}"),
    "a header behind a bare line feed": ((f"X: y\n{CHUNKED}", "Content-Length: 2"), b"{}"),
    "a header behind a bare return": ((f"X: y\r{CHUNKED}", "Content-Length: 2"), b"{}"),
    "a NUL in a header": (("X: a\0b", "Content-Length: 2"), b"{}"),
    "an underlined length": (("Content_Length: 500", "Content-Length: 2"), b"{}"),
    "an underlined coding": (("Transfer_Encoding: chunked", "Content-Length: 2"), b"{}"),
    "a chunk of negative size": ((CHUNKED,), b"-1\r\n"),
    "a chunk with a prefix": ((CHUNKED,), b"0x2\r\n{}\r\n" + END),
    "a chunk with an underline": ((CHUNKED,), b"1_0\r\n" + b"x" * 16 + b"\r\n" + END),
    "a chunk without its end": ((CHUNKED,), b"2\r\n{}" + END),
    "a chunk with a broken extension": ((CHUNKED,), b"0;a\nX: y\r\n\r\n"),
    "a length in the trailer": ((CHUNKED,), b"2\r\n{}\r\n0\r\nContent-Length: 500\r\n\r\n"),
}


def _request(who: ApiClient, *headers: str, path: str = "/groups") -> bytes:
    return head(f"POST {path} HTTP/1.1", "Host: x", f"Authorization: {who.token}", *headers)


def _groups(who: ApiClient) -> list[str]:
    return [group["name"] for group in who.get("/groups").result()["groups"]]


@pytest.mark.parametrize("case", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_could_be_read_in_two_ways_is_answered_once_with_a_refusal(
    social_door: Door, alice: ApiClient, case: tuple[tuple[str, ...], bytes]
) -> None:
    headers, body = case
    smuggled = _request(alice, f"Content-Length: {len(BODY)}") + BODY

    answers = social_door.exchange(_request(alice, *headers), body, smuggled)

    refusals = [status for status in statuses(answers) if status != 200]
    assert refusals == [400]
    assert b"application/json" in answers
    assert len(_groups(alice)) == len(statuses(answers)) - 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_body_where_none_is_usual_is_no_request(
    social_door: Door, alice: ApiClient, method: str
) -> None:
    smuggled = _request(alice, f"Content-Length: {len(BODY)}") + BODY
    outer = head(
        f"{method} /groups HTTP/1.1",
        "Host: x",
        f"Authorization: {alice.token}",
        f"Content-Length: {len(smuggled)}",
    )

    answers = social_door.exchange(outer, smuggled)

    assert len(statuses(answers)) == 1
    assert _groups(alice) == []


@pytest.mark.parametrize("name", ["Authorization", "X-Request-Id", "Host", "Content-Length"])
def test_naming_a_header_as_the_connections_own_takes_no_protection_away(
    social_door: Door, alice: ApiClient, name: str
) -> None:
    body = b'{"name": "mine"}'
    sent = _request(alice, f"Connection: close, {name}", f"Content-Length: {len(body)}")

    [status] = statuses(social_door.exchange(sent, body))

    assert status in {200, 401}
    assert _groups(alice) == ["mine"] * (status == 200)


@pytest.mark.parametrize(
    "raw_request",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ],
)
def test_what_is_not_http_1_is_refused_as_json(door: Door, raw_request: bytes) -> None:
    answers = door.exchange(raw_request)

    assert statuses(answers) == [400]
    assert b"application/json" in answers


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(f"GET /{'x' * 9000} HTTP/1.1", "Host: x"), 414),
        (head("GET /livez HTTP/1.1", "Host: x", f"X-Long: {'y' * 9000}"), 431),
        (head("GET /livez HTTP/1.1", "Host: x", *(f"X-{n}: y" for n in range(150))), 431),
    ],
    ids=["a long path", "a long header", "many headers"],
)
def test_an_oversized_head_is_refused_as_json(door: Door, request_head: bytes, status: int) -> None:
    answers = door.exchange(request_head)

    assert statuses(answers) == [status]
    assert b"application/json" in answers
