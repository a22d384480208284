"""Texts of users are never markup, and claimed addresses of requests are not trusted."""

import pytest

from tests.attacks.wire import Door, head, statuses
from tests.client import ApiClient
from tests.factories import befriend, list_contents, make_group
from tests.pictures import data_uri, picture

pytestmark = pytest.mark.slow

MARKUP = "</script><img src=x onerror=alert(1)>"
SHORT_MARKUP = "<b onclick=a()>&#60;"


def test_markup_in_what_people_write_comes_back_as_it_is_in_json_that_is_not_sniffed(
    alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob, name=MARKUP)
    alice.send_text(group, MARKUP)
    alice.put("/account/info", origin_password=alice.password, name=SHORT_MARKUP).result()

    answers = [
        bob.fetch("GET", "/conversations"),
        bob.fetch("GET", "/friends"),
        bob.fetch("GET", "/conversations/messages", params={"conversationId": group}),
        bob.fetch("GET", "/search_user", params={"query_name": SHORT_MARKUP}),
    ]

    assert all(MARKUP in each.text or SHORT_MARKUP in each.text for each in answers)
    assert {each.headers["Content-Type"] for each in answers} == {"application/json"}
    assert {each.headers["X-Content-Type-Options"] for each in answers} == {"nosniff"}


def test_markup_in_a_request_is_not_repeated_by_a_refusal(
    visitor: ApiClient, alice: ApiClient
) -> None:
    refusals = [
        alice.fetch("GET", f"/{MARKUP}"),
        alice.fetch("GET", "/friends", headers={"X-Request-Id": MARKUP}),
        alice.fetch("POST", "/groups", json={MARKUP: MARKUP}),
        visitor.fetch("GET", "/friends", headers={"Authorization": MARKUP}),
    ]

    assert not any(MARKUP in each.text + str(each.headers) for each in refusals)


@pytest.mark.parametrize("name", ["x.png", "x.html", "../../x.svg", "x.png\0.html"])
def test_a_picture_is_served_with_its_type_under_any_name(
    alice: ApiClient, bob: ApiClient, visitor: ApiClient, name: str
) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    trailing = picture() + b"<script>alert(1)</script>"
    files = {"image": (name, trailing, "text/html")}
    alice.call("POST", "/conversations/image", data={"conversationId": group}, files=files).result()

    [url] = list_contents(bob, group)
    served = visitor.fetch("GET", url)

    assert (served.headers["Content-Type"], url[-4:]) == ("image/png", ".png")
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in served.headers["Content-Security-Policy"]
    assert b"script" not in served.content


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        (("Host: chat.example",), "http://chat.example"),
        (("Host: chat.example", "X-Forwarded-Host: evil.example"), "http://chat.example"),
        (("Host: chat.example", "X-Forwarded-Proto: javascript"), "http://chat.example"),
        (("Host: chat.example", "Forwarded: host=evil.example"), "http://chat.example"),
        (("Host: chat.example", "X-Forwarded-Prefix: /evil"), "http://chat.example"),
        (("Host: chat.example", "X-Host: evil.example"), "http://chat.example"),
        (("Host: <script>",), ""),
        (("Host: a b",), ""),
        (('Host: x"y',), ""),
        (("Host: user@evil.example",), ""),
        (("Host: evil.example/path",), ""),
        (("Host: chat.example:99999",), ""),
        (("Host:",), ""),
    ],
)
def test_urls_begin_with_the_host_that_was_asked_and_with_nothing_else(
    doors: dict[str, Door], alice: ApiClient, headers: tuple[str, ...], base: str
) -> None:
    change = {"origin_password": alice.password, "avatar": data_uri(picture())}
    alice.put("/account/info", **change).result()
    request_line = f"GET /search_user_detail?userId={alice.id} HTTP/1.1"

    answer = doors["gateway"].exchange(
        head(request_line, *headers, f"Authorization: {alice.token}")
    )

    assert statuses(answer) == [200]
    assert f'"{base}/account/avatar/{alice.id}/'.encode() in answer


def test_what_is_for_one_is_kept_by_no_cache(alice: ApiClient) -> None:
    answers = [alice.fetch("GET", path) for path in ("/account/info", "/friends", "/conversations")]

    assert {each.headers["Cache-Control"] for each in answers} == {"no-store"}


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "<script>", "file://"])
def test_another_origin_gets_nothing_without_the_token(visitor: ApiClient, origin: str) -> None:
    answer = visitor.fetch("GET", "/friends", headers={"Origin": origin, "Cookie": "token=x"})

    assert answer.status_code == 401
    assert "\n" not in answer.headers.get("Access-Control-Allow-Origin", "")


def test_a_token_is_never_a_cookie(alice: ApiClient) -> None:
    credentials = {"email": alice.email, "password": alice.password}

    answer = alice.fetch("POST", "/account/login", json=credentials)

    assert "Set-Cookie" not in answer.headers
