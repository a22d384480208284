"""The metrics of every program. Other metrics are defined in the module that updates them, or in
``metrics`` of a program.

With ``METRICS_PORT``, all workers of a program count in shared files, which
`shared.server.exporter` adds up. A label has few values: never a path, an id or other data of a
request.
"""

import logging
from collections.abc import Callable
from threading import Event, Thread

from flask import Flask
from prometheus_client import Counter, Histogram

from shared.runtime import runtime_of

log = logging.getLogger(__name__)

_UPDATE_INTERVAL = 5.0

_requests = Counter(
    "ims_http_requests",
    "HTTP requests, by method, route and status.",
    ["method", "route", "status"],
)
_seconds = Histogram(
    "ims_http_request_duration_seconds",
    "Seconds until the first byte of the response, by method and route.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


# The lookup of a label takes longer than the increment.
_label_cache: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def observe_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a request and its duration. This takes about 5 microseconds."""
    # Without a route, a method can be any word sent by a client.
    key = (method, route, status) if route else ("", "", status)
    if key not in _label_cache:
        _label_cache[key] = _requests.labels(*key), _seconds.labels(*key[:2])
    requests, duration = _label_cache[key]
    requests.inc()
    duration.observe(seconds)


def update_gauges_periodically(app: Flask, update: Callable[[], None]) -> None:
    """Call ``update`` every few seconds in each worker of ``app``, to set gauges."""

    def update_loop() -> None:
        stopped = Event()
        while not stopped.wait(_UPDATE_INTERVAL):
            try:
                with app.app_context():
                    update()
            except Exception as error:
                log.warning("gauge_update_failed", exc_info=error)

    def start() -> None:
        Thread(target=update_loop, name="metrics", daemon=True).start()

    runtime_of(app).background.append(start)
