"""Windows of a real Chromium, and the actions of users in them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.browser.words import LOCALES, Words
from tests.client import PASSWORD, ApiClient

REMOTE_NAME = "ims.example"  # This machine, as if it were another one.
FLAGS = (
    f"--host-resolver-rules=MAP {REMOTE_NAME} 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = (1280, 800)
PHONE = (390, 844)
MILLISECONDS = 30_000  # The machine may be busy.

_SESSION = "ims.session"
_HARMLESS = (
    "Failed to load resource",
    "WebSocket connection",
    "The Cross-Origin-Opener-Policy header has been ignored",  # On plain HTTP.
)
# What a page says when it is refused something by its policy.
_WATCH_POLICY = """
  window.violations = [];
  addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
"""

expect.set_options(timeout=MILLISECONDS)


def find_chromium() -> str | None:
    """Where a Chromium is, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; nothing of it stays on the disk."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """A window of the web client. Its labels are looked up by their keys."""

    def __init__(self, context: BrowserContext, base_url: str, words: Words) -> None:
        self.context = context
        self.base_url = base_url
        self.words = words
        self.requests: set[tuple[str, str]] = set()
        self.urls: list[str] = []
        self.problems: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(MILLISECONDS)
        self.page.on("request", self._note_request)
        self.page.on("pageerror", lambda error: self.problems.append(f"{error}"))
        self.page.on("console", self._note_console)

    def _note_request(self, request: Request) -> None:
        self.urls.append(request.url)
        self.requests.add((request.method, urlsplit(request.url).path))

    def _note_console(self, message: ConsoleMessage) -> None:
        # A refused request is no fault of the page; what it makes of it is seen by the tests.
        if message.type == "error" and not message.text.startswith(_HARMLESS):
            self.problems.append(message.text)

    def violations(self) -> list[str]:
        """What the content security policy refused to this page."""
        violations: list[str] = self.page.evaluate("window.violations ?? []")
        return violations

    # --- Finding ---

    def button(self, key: str, *, exact: bool = True, **values: object) -> Locator:
        """A button, by the key of its name."""
        return self.page.get_by_role("button", name=self.words(key, **values), exact=exact)

    def link(self, key: str, **values: object) -> Locator:
        """A link, by the key of its name."""
        return self.page.get_by_role("link", name=self.words(key, **values))

    def field(self, key: str) -> Locator:
        """A field, by the key of its label; in a dialog if one is open."""
        dialog = self.page.get_by_role("dialog")
        scope = dialog if dialog.count() else self.page
        return scope.get_by_label(self.words(key), exact=True)

    def text(self, text: str) -> Locator:
        """Where a text stands, in the messages of the open conversation."""
        return self.page.locator(".messages").get_by_text(text, exact=True)

    # --- Doing ---

    def goto(self, place: str = "") -> None:
        """Go to a place of the client: what stands after ``#/``."""
        self.page.goto(f"{self.base_url}/#/{place}")

    def sign_in_as(self, person: ApiClient) -> None:
        """Have the sign-in of a person, and everything loaded."""
        session = json.dumps({"token": person.token, "userId": person.id})
        self.page.goto(f"{self.base_url}/web/icon.svg")
        self.page.evaluate("([k, v]) => localStorage.setItem(k, v)", [_SESSION, session])
        self.goto("c")
        self.loaded()

    def register(self, name: str, email: str) -> None:
        """Make an account on the page."""
        self.page.goto(f"{self.base_url}/")
        self.button("register").click()
        self.field("name").fill(name)
        self.field("email").fill(email)
        self.field("password").fill(PASSWORD)
        self.button("register").click()
        self.loaded()

    def loaded(self) -> None:
        """Wait until the lists are there."""
        expect(self.page.locator(".rail")).to_be_attached()
        expect(self.page.locator(".main-pane > .spinner")).to_have_count(0)

    def open_chat(self, conversation_id: int) -> None:
        """Open a conversation, with its messages."""
        self.goto(f"c/{conversation_id}")
        expect(self.page.locator(".message-rows > .spinner")).to_have_count(0)

    def write(self, text: str) -> None:
        """Send a text in the open conversation."""
        draft = self.page.locator("textarea.draft")
        draft.fill(text)
        draft.press("Enter")

    def message_menu(self, text: str, action: str) -> None:
        """Choose an action of a message."""
        words = self.page.locator(".text", has_text=text)
        message = self.page.locator("article.message", has=words).last
        message.hover()
        message.get_by_role("button", name=self.words("messageActions")).click()
        self.menu_item(action)

    def menu_item(self, key: str) -> None:
        """Choose in the open menu."""
        self.page.get_by_role("menuitem", name=self.words(key), exact=True).click()

    def confirm(self, key: str) -> None:
        """Say yes to the question that is asked."""
        self.page.get_by_role("dialog").last.get_by_role(
            "button", name=self.words(key), exact=True
        ).last.click()

    def screenshot(self, path: str) -> None:
        """A picture of the window."""
        self.page.screenshot(path=path)


class Windows:
    """Opens windows, and holds at the end that none of them had a problem."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self._browser = browser
        self._base_url = base_url
        self._open: list[Window] = []

    def open(
        self,
        person: ApiClient | None = None,
        *,
        language: str = "en",
        size: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        base_url: str | None = None,
        **options: Any,
    ) -> Window:
        """A window of a browser of its own, so with a sign-in of its own."""
        context = self._browser.new_context(
            locale=LOCALES[language],
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            **options,
        )
        context.add_init_script(_WATCH_POLICY)
        window = Window(context, base_url or self._base_url, Words(language))
        self._open.append(window)
        if person is not None:
            window.sign_in_as(person)
        return window

    def beside(self, window: Window) -> Window:
        """Another window of the same browser: it shares the sign-in."""
        other = Window(window.context, window.base_url, window.words)
        self._open.append(other)
        return other

    def close(self) -> None:
        """Close all of them.

        Raises:
            AssertionError: one had a problem.
        """
        problems = [
            problem for each in self._open for problem in (*each.problems, *each.violations())
        ]
        for window in self._open:
            window.context.close()
        assert problems == [], problems


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Node.js that comes with Playwright."""
    from playwright._impl._driver import compute_driver_executable  # noqa: PLC0415

    node = compute_driver_executable()[0]
    return subprocess.run([node, *arguments], capture_output=True, text=True, check=False)
