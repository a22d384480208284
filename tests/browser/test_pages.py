"""The first screen and its texts, the field that has the focus, and the API's document."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.windows import Windows
from tests.client import ApiClient

pytestmark = pytest.mark.slow

MOST_BYTES = 100_000


def test_the_first_screen_is_light(windows: Windows, visitor: ApiClient) -> None:
    window = windows.open()
    window.goto()
    expect(window.button("signIn")).to_be_visible()

    compressed = {"headers": {"Accept-Encoding": "gzip"}}
    sizes = {
        path: int(visitor.fetch("HEAD", path, **compressed).headers["Content-Length"])
        for path in {urlsplit(url).path for url in window.urls}
    }

    assert "/web/js/main.js" in sizes
    assert sum(sizes.values()) < MOST_BYTES


def test_without_its_texts_the_page_says_so_and_offers_another_try(windows: Windows) -> None:
    window = windows.open()
    page = window.page
    page.route("**/web/words/*.json", lambda route: route.fulfill(status=503, body="{}"))
    window.goto()
    again = page.get_by_role("button", name="Try again 重试")
    expect(page.get_by_role("alert")).to_have_text("This page could not be loaded. 页面加载失败。")
    page.unroute("**/web/words/*.json")
    again.click()

    expect(window.button("signIn")).to_be_visible()


def test_adding_a_friend_begins_in_the_field(windows: Windows, alice: ApiClient) -> None:
    window = windows.open()
    window.sign_in_as(alice)
    window.goto("people")
    for place in ("u/1", "add"):
        window.goto(f"people/{place}")

    expect(window.page.get_by_role("searchbox")).to_be_focused()


def test_registering_begins_with_the_name(windows: Windows) -> None:
    window = windows.open()
    window.goto()
    window.button("register").click()

    expect(window.field("name")).to_be_focused()


def test_a_failed_request_for_a_person_does_not_say_that_there_is_none(
    windows: Windows, alice: ApiClient, bob: ApiClient
) -> None:
    window = windows.open()
    window.sign_in_as(alice)
    window.page.route("**/search_user_detail*", lambda route: route.fulfill(status=503, body="{}"))
    window.goto(f"people/u/{bob.id}")

    expect(window.page.get_by_role("main")).to_contain_text(window.words("status 503"))


def test_the_settings_show_the_sessions_of_now(windows: Windows, alice: ApiClient) -> None:
    window = windows.open()
    window.sign_in_as(alice)
    window.goto("me")
    expect(window.page.get_by_text(window.words("thisWindow"))).to_be_visible()
    window.goto("c")
    alice.sign_in()
    window.goto("me")

    expect(window.button("signOutOthers")).to_be_visible()


def test_trying_an_endpoint_out_sends_the_token(windows: Windows, alice: ApiClient) -> None:
    window = windows.open()
    page = window.page
    page.goto(f"{window.base_url}/docs")
    page.locator(".auth-wrapper .authorize").first.click()
    page.locator(".auth-container input").fill(alice.token or "")
    page.locator(".auth-btn-wrapper button[type=submit]").click()
    page.locator(".auth-btn-wrapper .btn-done").click()

    operation = page.locator(".opblock-get", has=page.locator('[data-path="/friends"]'))
    operation.locator(".opblock-summary-control").click()
    operation.locator(".try-out__btn").click()
    operation.locator(".execute").click()

    answer = operation.locator(".live-responses-table .response .response-col_status")
    expect(answer.first).to_contain_text("200")
