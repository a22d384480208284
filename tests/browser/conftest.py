"""A real Chromium, and windows in it."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.windows import Windows, chromium, find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    if find_chromium() is None:
        missing = "NOT TESTED: the web client; there is no Chromium (apt install chromium)"
        if "CI" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    with chromium() as started:
        yield started


@pytest.fixture
def windows(browser: Browser, base_url: str) -> Iterator[Windows]:
    """Windows on the product."""
    opened = Windows(browser, base_url)
    yield opened
    opened.close()
