"""Take the pictures of the web client that the READMEs show: ``make screens``."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, expect

from deploy.demo import PASSWORD, create_demo
from tests.browser.windows import DESKTOP, PHONE, Windows, chromium
from tests.product import running

FOLDER = Path(__file__).parent / "screens"
GROUP = "周末爬山 ⛰️"

Shot = tuple[str, str, tuple[int, int], Literal["light", "dark"], str]

# Name, language, size, colours, and what is open: a list, a group, or a group with its details.
SHOTS: tuple[Shot, ...] = (
    ("desktop-light", "en", DESKTOP, "light", "details"),
    ("desktop-dark", "zh", DESKTOP, "dark", "details"),
    ("phone-light", "zh", PHONE, "light", "list"),
    ("phone-dark", "en", PHONE, "dark", "chat"),
)


def main() -> int:
    """Take all pictures; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of a running product; else one is started for it")
    given: str | None = parser.parse_args().url
    FOLDER.mkdir(exist_ok=True)
    with _product(given) as base_url, chromium() as browser:
        email = next(iter(create_demo(base_url).values()))
        for shot in SHOTS:
            _capture(browser, base_url, email, shot)
    return 0


@contextmanager
def _product(given: str | None) -> Iterator[str]:
    if given is not None:
        yield given.rstrip("/")
        return
    with TemporaryDirectory() as folder, running(Path(folder) / "data") as product:
        yield product.base_url


def _capture(browser: Browser, base_url: str, email: str, shot: Shot) -> None:
    name, language, size, scheme, place = shot
    windows = Windows(browser, base_url)
    window = windows.open(language=language, size=size, scheme=scheme)
    window.goto()
    window.field("email").fill(email)
    window.field("password").fill(PASSWORD)
    window.button("signIn").click()
    window.loaded()
    if place != "list":
        window.page.get_by_role("link", name=GROUP).click()
        expect(window.page.locator(".picture-button img")).to_be_visible()
    if place == "details":
        window.button("details").click()
        expect(window.page.locator(".role.owner")).to_be_visible()
    window.page.evaluate("Promise.all([...document.images].map((each) => each.decode()))")
    path = FOLDER / f"{name}.png"
    window.screenshot(str(path))
    windows.close()
    sys.stdout.write(f"Wrote {path}\n")


if __name__ == "__main__":
    sys.exit(main())
