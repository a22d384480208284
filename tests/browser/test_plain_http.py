"""Over plain HTTP away from localhost: browsers let such a page encrypt nothing."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request, expect

from tests.browser.windows import REMOTE_NAME, Windows
from tests.client import PASSWORD, ApiClient
from tests.factories import befriend, unused_email
from tests.product import PASSWORD_TRANSPORT_KEY, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def _remote(base_url: str) -> str:
    return f"http://{REMOTE_NAME}:{urlsplit(base_url).port}"


def test_everything_works_with_passwords_as_they_are(browser: Browser, tmp_path: Path) -> None:
    settings = {"PASSWORD_TRANSPORT_KEY": PASSWORD_TRANSPORT_KEY}
    with running(tmp_path / "data", **settings) as product:
        windows = Windows(browser, _remote(product.base_url))
        window = windows.open()
        bodies: list[Request] = []
        window.page.on("request", lambda each: bodies.append(each) if each.post_data else None)
        email = unused_email("alice")
        window.register("Alice", email)
        assert window.page.evaluate("[isSecureContext, crypto.subtle ?? null]") == [False, None]
        [registration] = [json.loads(each.post_data or "") for each in bodies[:1]]
        assert registration["password"] == PASSWORD

        alice = ApiClient(product.base_url, "Alice", email).sign_in()
        bob = ApiClient(product.base_url, "Bob", unused_email("bob")).sign_up()
        befriend(alice, bob)
        window.open_chat(alice.get_private_conversation(bob.id).id)
        window.write("Can you hear me?")
        expect(window.text("Can you hear me?")).to_be_visible()
        expect(window.page.locator(".message.pending")).to_have_count(0)
        # There is no clipboard either, so nothing offers it.
        window.page.locator("article.message").hover()
        window.button("messageActions").click()
        expect(window.page.get_by_role("menuitem")).not_to_have_count(0)
        expect(window.page.get_by_role("menuitem", name=window.words("copy"))).to_have_count(0)
        windows.close()


def test_what_is_missing_is_said_where_encryption_is_demanded(
    browser: Browser, tmp_path: Path
) -> None:
    settings = {
        "PASSWORD_TRANSPORT": "encrypted",
        "PASSWORD_TRANSPORT_KEY": PASSWORD_TRANSPORT_KEY,
    }
    with running(tmp_path / "data", **settings) as product:
        windows = Windows(browser, _remote(product.base_url))
        window = windows.open()
        window.goto()
        expect(window.page.get_by_role("alert").first).to_have_text(window.words("cannotEncrypt"))
        expect(window.button("signIn")).to_be_disabled()
        window.button("register").click()
        expect(window.button("register")).to_be_disabled()

        # The same page on localhost may encrypt.
        local = windows.open(base_url=product.base_url)
        local.register("Alice", unused_email("alice"))
        expect(local.page.get_by_text(local.words("noConversations"))).to_be_visible()
        windows.close()
