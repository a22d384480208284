"""Measure size and speed of the web client: ``python -m benchmarks.web_client``.

It starts a product, fills it through the API, and measures it in Chromium. It needs
``PYTHONPATH=examples``.
"""

import argparse
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser

from tests.browser.windows import Window, Windows, chromium
from tests.client import ApiClient
from tests.factories import befriend, make_group, make_user
from tests.product import running

_RUNS = 5
_NOTE_WHEN_USABLE = """
  window.usable = new Promise((resolve) => {
    new MutationObserver(() => {
      const shown = document.querySelector(".entrance [type=submit], .rows .row");
      if (shown) resolve(performance.now());
    }).observe(document, { childList: true, subtree: true });
  });
"""
_RECENT = 20  # So many conversations are fetched in advance.
# From the change of the address until the messages of the conversation have been painted; the next
# switch waits until what follows this one is over.
_SWITCH = """async (ids) => {
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  for (const id of ids) {
    const start = performance.now();
    location.hash = `#/c/${id}`;
    const shown = `.chat[aria-label="Group ${id}"] article.message`;
    do await frame(); while (!document.querySelector(shown));
    await frame();
    times.push(performance.now() - start);
    await new Promise((resume) => setTimeout(resume, 200));
  }
  return times;
}"""


def main() -> int:
    """Measure and print. Status 1: an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=200)
    count: int = parser.parse_args().conversations
    with (
        TemporaryDirectory() as folder,
        running(Path(folder) / "data", RATE_LIMITS="off") as product,
        chromium() as browser,
    ):
        reader, groups = _fill(product.base_url, count)
        figures = _measure(browser, product.base_url, reader, groups)
    for name, (figure, aim) in figures.items():
        sys.stdout.write(f"{name:<52} {figure:>9,.0f}   aim {aim:>7,}\n")
    return int(any(figure > aim for figure, aim in figures.values()))


def _fill(base_url: str, count: int) -> tuple[ApiClient, list[int]]:
    """Create a user with many conversations of some messages."""
    reader, writer = make_user(base_url, "Reader"), make_user(base_url, "Writer")
    befriend(reader, writer)
    groups = [make_group(writer, reader) for _ in range(count)]
    for group in groups:
        writer.post("/conversations/manage/info", conversation_id=group, name=f"Group {group}")
        for number in range(10):
            writer.send_text(group, f"message {number} of group {group}")
    return reader, groups


def _measure(
    browser: Browser, base_url: str, reader: ApiClient, groups: list[int]
) -> dict[str, tuple[float, int]]:
    """Figures and aims by name."""
    windows = Windows(browser, base_url)
    entrance = [_opened(windows) for _ in range(_RUNS)]
    weight = sum(_weigh(base_url, path) for path in _paths(entrance[0]))
    usable = statistics.median(_usable_after(window) for window in entrance)
    window = _opened(windows, reader)
    loaded = _usable_after(window)
    window.page.wait_for_load_state("networkidle")
    newest = groups[::-1]
    recent: list[float] = window.page.evaluate(_SWITCH, newest[:_RECENT])
    fetched: list[float] = window.page.evaluate(_SWITCH, newest[_RECENT:])
    again: list[float] = window.page.evaluate(_SWITCH, newest)
    windows.close()
    return {
        "first screen, bytes compressed": (weight, 100_000),
        "first screen usable after, ms": (usable, 1_000),
        f"signed in, {len(groups)} conversations shown after, ms": (loaded, 1_000),
        "switch to a recent conversation, ms": (statistics.median(recent), 100),
        "switch to a conversation that must be fetched, ms": (statistics.median(fetched), 100),
        "switch to a conversation again, ms": (statistics.median(again), 100),
        "slowest twentieth of all switches, ms": (
            statistics.quantiles(recent + fetched + again, n=20)[-1],
            200,
        ),
    }


def _opened(windows: Windows, person: ApiClient | None = None) -> Window:
    window = windows.open()
    window.context.add_init_script(_NOTE_WHEN_USABLE)
    if person is not None:
        window.sign_in_as(person)
    window.page.goto("about:blank")
    window.goto()
    return window


def _usable_after(window: Window) -> float:
    milliseconds: float = window.page.evaluate("window.usable")
    return milliseconds


def _paths(window: Window) -> set[str]:
    return {urlsplit(url).path for url in window.urls if url.startswith(window.base_url)}


def _weigh(base_url: str, path: str) -> int:
    head = requests.head(base_url + path, headers={"Accept-Encoding": "gzip"}, timeout=30)
    return int(head.headers["Content-Length"])


if __name__ == "__main__":
    sys.exit(main())
