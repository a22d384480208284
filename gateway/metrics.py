"""Metrics of the gateway, besides those of every program."""

from prometheus_client import Counter, Gauge

upstream_failures = Counter(
    "ims_upstream_failures",
    "Requests that failed in a service, by service and reason: `read_timeout`, "
    "`write_timeout`, `connection_lost`, `connect_error`, `overloaded`.",
    ["service", "reason"],
)
upstream_retries = Counter(
    "ims_upstream_retries", "Retries on another replica or a new connection."
)
open_websockets = Gauge(
    "ims_gateway_websockets", "Open proxied websockets.", multiprocess_mode="livesum"
)
