"""What the gateway counts beside what every program does."""

from prometheus_client import Counter, Gauge

upstream_failures = Counter(
    "ims_upstream_failures",
    "Requests refused because a service failed, by service and reason: `silent`, `does_not_read`,"
    " `connection_broke`, `not_reachable`, `too_many_waiting`.",
    ["service", "reason"],
)
upstream_retries = Counter(
    "ims_upstream_retries", "Attempts repeated on another replica or a new connection."
)
tunnels_open = Gauge("ims_tunnels_open", "Websockets passed on.", multiprocess_mode="livesum")
