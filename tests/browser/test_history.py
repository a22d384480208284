"""All of a history of 10,000 messages is reachable, with few elements."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import Window, Windows
from tests.client import ApiClient
from tests.factories import make_private

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

COUNT = 10_000
MOST_ELEMENTS = 130


def _count(window: Window) -> int:
    return window.page.locator("article.message").count()


def test_a_long_history_is_bounded_in_the_page(
    windows: Windows, alice: ApiClient, bob: ApiClient
) -> None:
    chat = make_private(alice, bob)
    first = alice.send_text(chat, "the very first").message_id
    for number in range(COUNT - 2):
        alice.send_text(chat, f"message {number}")
    alice.send_text(chat, "the very last, in reply", reply_to_id=first)
    window = windows.open(bob)
    window.open_chat(chat)
    expect(window.text("the very last, in reply")).to_be_visible()

    # Page by page upwards.
    for _ in range(5):
        before = window.page.locator("article.message").first.get_attribute("data-id")
        window.page.evaluate("document.querySelector('.messages').scrollTop = 0")
        expect(window.page.locator("article.message").first).not_to_have_attribute(
            "data-id", before or ""
        )
        assert _count(window) <= MOST_ELEMENTS

    # At once to the first, and back.
    window.button("toNewest").click()
    window.page.locator(".quote").click()
    expect(window.page.locator("article.highlighted")).to_contain_text("the very first")
    expect(window.page.get_by_text(window.words("beginning"))).to_be_attached()
    assert _count(window) <= MOST_ELEMENTS
    window.button("toNewest").click()
    expect(window.text("the very last, in reply")).to_be_visible()
    assert _count(window) <= MOST_ELEMENTS


def test_what_is_looked_at_stays_where_it_is(
    windows: Windows, alice: ApiClient, bob: ApiClient
) -> None:
    chat = make_private(alice, bob)
    for number in range(200):
        alice.send_text(chat, f"message {number}")
    window = windows.open(bob)
    window.open_chat(chat)
    expect(window.text("message 199")).to_be_visible()
    window.page.evaluate("document.querySelector('.messages').scrollTop = 500")
    expect(window.button("toNewest", exact=False)).to_be_visible()
    place = """() => {
        const list = document.querySelector('.messages');
        const top = list.getBoundingClientRect().top;
        const seen = [...list.querySelectorAll('[data-seq]')];
        const first = seen.find((each) => each.getBoundingClientRect().bottom > top);
        return [first.dataset.seq, Math.round(first.getBoundingClientRect().top)];
    }"""
    before = window.page.evaluate(place)

    alice.send_text(chat, "something new")

    expect(window.page.locator(".to-newest .badge")).to_have_text("1")
    assert window.page.evaluate(place) == before


def test_scrolling_up_reaches_the_beginning(
    windows: Windows, alice: ApiClient, bob: ApiClient
) -> None:
    chat = make_private(alice, bob)
    for number in range(260):
        alice.send_text(chat, f"message {number}")
    window = windows.open(bob)
    window.open_chat(chat)
    first = window.page.locator("article.message").first

    # 50 and 100 are fetched, 120 are drawn: what comes above is drawn without further scrolling.
    for _ in range(6):
        before = first.get_attribute("data-seq") or ""
        window.page.evaluate("document.querySelector('.messages').scrollTop = 0")
        expect(first).not_to_have_attribute("data-seq", before)

    expect(window.page.get_by_text(window.words("beginning"))).to_be_attached()
    expect(window.text("message 0")).to_be_attached()
