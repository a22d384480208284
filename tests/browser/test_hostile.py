"""Hostile texts are rendered as text, load nothing, and do not break the layout."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.windows import DESKTOP, PHONE, Window, Windows
from tests.client import ApiClient
from tests.factories import befriend, make_announcement, make_group, make_user, unused_email

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MARKUP = "<img src=x onerror=>"
TEXTS = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "\u202egnp.exe \u2066 backwards",
    "W" * 255,
    "data:text/html,<script>alert(1)</script>",
    "{{7*7}} ${7*7} %s %n",
    "Z͑̒" * 60,
)
ELSEWHERE = "https://elsewhere.example/picture.png"


def _is_wider_than_the_page(window: Window) -> list[str]:
    """List elements that can be scrolled sideways."""
    violations: list[str] = window.page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll(
            '.shell > *, .messages, .details-body, .page-column, .dialog')]
            .filter((each) => each.scrollWidth > each.clientWidth + 1)
            .map((each) => each.className || each.tagName)"""
    )
    return violations


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_what_hostile_people_write_is_text(
    windows: Windows, base_url: str, size: tuple[int, int]
) -> None:
    alice = make_user(base_url, "Alice")
    mallory = ApiClient(base_url, "\u202eyrollaM" + "W" * 12, unused_email("mallory")).sign_up()
    trent = ApiClient(base_url, MARKUP, unused_email("trent")).sign_up()
    befriend(alice, mallory, trent)
    for person in (mallory, trent):
        person.put("/account/info", origin_password=person.password, avatar=ELSEWHERE).result()
        person.put("/account/info", origin_password=person.password, user_info="W" * 255).result()
    group = make_group(mallory, alice, name="<b>" + "W" * 97)
    mallory.post("/conversations/manage/info", conversation_id=group, avatar=ELSEWHERE).result()
    make_announcement(mallory, group, "<h1>" + "W" * 1000)
    for text in TEXTS:
        mallory.send_text(group, text)
    alerts: list[str] = []
    window = windows.open(alice, size=size)
    window.page.on("dialog", lambda dialog: alerts.append(dialog.message))

    window.open_chat(group)
    for text in TEXTS:
        expect(window.text(text)).to_be_attached()
    broken = [_is_wider_than_the_page(window)]
    cards = [f"people/u/{person.id}" for person in (mallory, trent)]
    for place in ("c", f"c/{group}/info", "people", *cards):
        window.goto(place)
        expect(window.page.locator(".spinner")).to_have_count(0)
        broken.append(_is_wider_than_the_page(window))

    assert [each for each in broken if each] == []
    assert alerts == []
    here = urlsplit(base_url).netloc
    assert [url for url in window.urls if urlsplit(url).netloc not in ("", here)] == []
    assert window.page.locator("main script, main iframe, main b, main h1 img").count() == 0


def test_only_web_addresses_become_links(
    windows: Windows, alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    group = make_group(bob, alice)
    bob.send_text(
        group, "see https://example.com/a?b=c, javascript:alert(1) data:text/html,x //evil"
    )
    window = windows.open(alice)
    window.open_chat(group)

    links = window.page.locator(".messages .text a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://example.com/a?b=c,")
    expect(links).to_have_attribute("rel", "noopener noreferrer nofollow")
