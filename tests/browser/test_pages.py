"""What the first screen weighs, and the page of the API's document."""

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
