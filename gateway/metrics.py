"""Metrics of the gateway, besides those of every program."""

from prometheus_client import Counter, Gauge

upstream_failures = Counter(
    "ims_upstream_failures",
    "Requests refused because a service failed, by service and reason: `read_timeout`, "
    "`write_timeout`, `connection_lost`, `connect_error`, `overloaded`.",
    ["service", "reason"],
)
upstream_retries = Counter(
    "ims_upstream_retries", "Attempts repeated on another replica or a new connection."
)
open_websockets = Gauge(
    "ims_gateway_websockets", "Websockets passed on.", multiprocess_mode="livesum"
)
