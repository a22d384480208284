"""Accessibility: axe finds nothing serious on any screen, and the keyboard is sufficient."""

import os
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import expect

from tests.browser.windows import DESKTOP, PHONE, Window, Windows
from tests.client import ApiClient
from tests.factories import (
    befriend,
    make_announcement,
    make_group,
    make_private,
    make_user,
    unused_email,
)
from tests.pictures import data_uri, picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.exists():
        missing = "NOT TESTED: accessibility; axe-core is not installed (make web/node_modules)"
        if "CI" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    return AXE.read_text()


def _findings(window: Window, axe: str, screen: str) -> list[str]:
    """List serious findings of axe."""
    window.page.evaluate(axe)
    violations: dict[str, Any] = window.page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{screen}: {each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in violations["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    [("en", DESKTOP, "light"), ("zh", PHONE, "dark"), ("zh", DESKTOP, "dark")],
)
def test_no_screen_has_serious_findings(
    windows: Windows,
    axe: str,
    alice: ApiClient,
    bob: ApiClient,
    carol: ApiClient,
    language: str,
    size: tuple[int, int],
    scheme: Literal["light", "dark"],
) -> None:
    window = windows.open(language=language, size=size, scheme=scheme)
    violations: list[str] = []

    def check(screen: str) -> None:
        violations.extend(_findings(window, axe, screen))

    window.goto()
    check("sign in")
    window.button("register").click()
    check("register")
    window.button("signIn").click()
    window.button("forgotPassword").click()
    check("forgotten password")

    window.sign_in_as(make_user(window.base_url, "New user"))
    for place in ("c", "people", "people/requests", "people/add", "search", "me"):
        window.goto(place)
        window.loaded()
        check(f"empty {place}")

    window.page.evaluate("localStorage.clear()")
    befriend(alice, bob)
    group = make_group(alice, bob)
    make_announcement(alice, group, "Tomorrow at ten")
    message = bob.send_text(group, "Shall we have tea?").message_id
    alice.send_text(group, "Yes", reply_to_id=message)
    avatar = data_uri(picture())
    alice.put("/account/info", origin_password=alice.password, avatar=avatar).result()
    alice.post("/groups", name="Family").result()
    carol.send_friend_request(alice.id, "Hello")
    window.sign_in_as(alice)
    friends = alice.get("/groups").result()["groups"]
    for place in (
        "c",
        f"c/{group}",
        f"c/{group}/info",
        f"c/{group}/find",
        f"c/{alice.get_private_conversation(bob.id).id}/info",
        f"people/u/{bob.id}",
        f"people/g/{friends[0]['id']}",
        "people/requests",
        "me",
    ):
        window.goto(place)
        expect(window.page.locator(".spinner")).to_have_count(0)
        check(place)

    window.button("editProfile").click()
    check("a dialog")
    window.page.keyboard.press("Escape")
    window.open_chat(group)
    window.page.locator("article.message").first.hover()
    window.button("messageActions").first.click()
    check("a menu")

    assert violations == [], "\n".join(violations)


def test_the_keyboard_is_enough(windows: Windows, alice: ApiClient, bob: ApiClient) -> None:
    chat = make_private(alice, bob)
    bob.send_text(chat, "Can you hear me?")
    window = windows.open()
    keyboard = window.page.keyboard
    window.goto()
    window.field("email").focus()
    keyboard.type(alice.email)
    keyboard.press("Tab")
    keyboard.type(alice.password)
    keyboard.press("Enter")
    window.loaded()

    window.page.get_by_role("link", name="Bob").focus()
    keyboard.press("Enter")
    expect(window.text("Can you hear me?")).to_be_visible()
    expect(window.page.locator("textarea.draft")).to_be_focused()
    keyboard.type("Loud and clear")
    keyboard.press("Enter")
    expect(window.text("Loud and clear")).to_be_visible()

    window.button("messageActions").first.focus()
    keyboard.press("Enter")
    expect(window.page.get_by_role("menuitem").first).to_be_focused()
    keyboard.press("Enter")
    expect(window.page.locator("textarea.draft")).to_be_focused()
    expect(window.page.locator(".reply-bar")).to_contain_text("Can you hear me?")
    keyboard.press("Escape")
    expect(window.page.locator(".reply-bar")).to_have_count(0)


def test_a_touch_screen_shows_the_menus(windows: Windows, alice: ApiClient, bob: ApiClient) -> None:
    chat = make_private(alice, bob)
    bob.send_text(chat, "Can you hear me?")
    window = windows.open(alice, size=PHONE, has_touch=True, is_mobile=True)
    row_menu = window.button("actionsFor", name=bob.name)
    expect(row_menu).to_have_css("opacity", "1")
    row_menu.tap()
    window.menu_item("pin")
    expect(window.page.locator(".row.pinned")).to_have_count(1)

    window.open_chat(chat)
    message_menu = window.button("messageActions")
    expect(message_menu).to_have_css("opacity", "1")
    message_menu.tap()
    window.menu_item("reply")
    expect(window.page.locator(".reply-bar")).to_contain_text("Can you hear me?")


def test_an_error_is_said_in_words(windows: Windows) -> None:
    window = windows.open()
    window.goto()
    window.field("email").fill(unused_email())
    window.field("password").fill("wrong")
    window.button("signIn").click()

    expect(window.page.get_by_role("alert").first).to_have_text(window.words("User not found"))


def test_what_a_form_misses_is_said_and_gets_the_focus(windows: Windows) -> None:
    window = windows.open()
    window.goto()
    window.button("register").click()
    window.field("name").fill("Alice")
    window.field("email").fill(unused_email())
    alert = window.page.get_by_role("alert").first

    window.button("register").click()
    expect(alert).to_have_text(window.words("errorPasswordIllegal"))
    expect(window.field("password")).to_be_focused()
    window.field("password").fill("not allowed!")
    window.button("register").click()
    expect(alert).to_have_text(window.words("errorPasswordIllegal"))
    window.field("name").fill("")
    window.button("register").click()
    expect(alert).to_have_text(window.words("errorName"))
    expect(window.field("name")).to_be_focused()
