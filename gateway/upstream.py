"""The services behind the gateway: load balancing, safe retries, bounded concurrency.

Every address that a host name resolves to is a replica; names are resolved again every two
seconds. A request goes to the replica with the fewest requests in flight. One that fails, announces
that it closes, or refuses repeatedly is ejected until its ``/readyz`` answers 200. Each service has
a connection pool and request slots of its own, so that one that hangs does not slow the others.
"""

import itertools
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from threading import Thread
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit

from gateway import metrics
from gateway.config import GatewaySettings
from gateway.http_client import (
    ConnectError,
    Connection,
    ConnectionLostError,
    ReadTimeoutError,
    UpstreamError,
    UpstreamRequest,
    UpstreamResponse,
)
from shared.web.budget import Budget, current_caller
from shared.web.errors import SERVICE_UNAVAILABLE, ApiError
from shared.web.rate_limits import client_network

log = logging.getLogger(__name__)

_REFRESH_INTERVAL = 2
_PROBE_TIMEOUT = 2
_MAX_REFUSALS = 3

Result = TypeVar("Result")


class Replica:
    """One address of a service, with its pool of idle connections.

    Attributes:
        is_ejected: it has failed or is shutting down; other replicas are preferred.
        timeout: read timeout in seconds.
    """

    def __init__(self, host: str, port: int, settings: GatewaySettings) -> None:
        self.is_ejected = False
        self._in_flight = 0
        self._refusals = 0
        self.timeout = settings.upstream_timeout_seconds
        self._connect_timeout = settings.upstream_connect_timeout_seconds
        self._address = host, port
        self._max_idle = settings.upstream_concurrency
        self._idle: list[Connection] = []

    def selection_key(self) -> tuple[bool, int]:
        """Sort key: healthy replicas first, then fewest requests in flight."""
        return self.is_ejected, self._in_flight

    def probe(self) -> None:
        """Readmit the replica if it is ready and does not shut down."""
        with suppress(UpstreamError):
            response = self.send(UpstreamRequest("GET", "/readyz", {}), _PROBE_TIMEOUT)
            deque(response.iter_body(), maxlen=0)
            self.is_ejected = response.status != HTTPStatus.OK or _announces_close(response)

    def record(self, response: UpstreamResponse) -> None:
        """Eject the replica if it shuts down, or after repeated refusals."""
        self._refusals = self._refusals + 1 if _is_refusal(response) else 0
        if _announces_close(response) or self._refusals >= _MAX_REFUSALS:
            self.is_ejected = True

    def run(self, operation: Callable[["Replica"], Result]) -> Result:
        """Run ``operation``, and eject the replica if it is unreachable or does not respond."""
        self._in_flight += 1
        try:
            return operation(self)
        except (ConnectError, ReadTimeoutError):
            self.is_ejected = True
            raise
        finally:
            self._in_flight -= 1

    def connect(self) -> Connection:
        """Open a new connection.

        Raises:
            UpstreamError: ``ConnectError``.
        """
        return Connection(self._address, self._connect_timeout)

    def send(self, request: UpstreamRequest, timeout: float | None = None) -> UpstreamResponse:
        """Send a request, and read the headers of the response.

        Args:
            request: the request.
            timeout: read timeout in seconds; None for that of the replica.

        Raises:
            UpstreamError: there is no response.
        """
        timeout = timeout or self.timeout
        try:
            return self._send(request, timeout)
        except ConnectionLostError:
            if not request.is_retryable:
                raise
        metrics.upstream_retries.inc()
        # Probably a pooled connection that the replica has closed.
        return self._send(request, timeout)

    def _send(self, request: UpstreamRequest, timeout: float) -> UpstreamResponse:
        connection = self._pop_idle() or self.connect()
        try:
            connection.send(request, timeout)
            response = connection.read_response(request.method, self._release)
        except BaseException:
            connection.close()
            raise
        self.record(response)
        return response

    def _pop_idle(self) -> Connection | None:
        """Get the most recently used idle connection, so that surplus connections expire."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
            connection.close()
        return None

    def _release(self, connection: Connection) -> None:
        if len(self._idle) < self._max_idle:
            self._idle.append(connection)
        else:
            connection.close()


class ReplicaSet:
    """The replicas of a service, by the addresses of its host names."""

    def __init__(self, urls: Iterable[str], settings: GatewaySettings) -> None:
        parts = map(urlsplit, urls)
        self._settings = settings
        self._names = [(part.hostname or "", part.port or 80) for part in parts]
        self._addresses: dict[str, list[str]] = {}
        self._by_address: dict[tuple[str, int], Replica] = {}
        self._resolve_at = 0.0

    def current(self) -> list[Replica]:
        """Get the current replicas. Only the first call waits for the resolver."""
        if not self._by_address:
            self._resolve()
        elif monotonic() > self._resolve_at:
            self._resolve_at = monotonic() + _REFRESH_INTERVAL
            Thread(target=self._refresh, daemon=True).start()
        return list(self._by_address.values())

    def _refresh(self) -> None:
        self._resolve()
        for replica in self._by_address.values():
            # A single replica gets requests also while it is ejected.
            if replica.is_ejected and len(self._by_address) > 1:
                replica.probe()

    def _resolve(self) -> None:
        for name, port in self._names:
            try:
                results = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            except socket.gaierror as error:  # The last addresses remain.
                log.warning("dns_lookup_failed", extra={"host": name, "reason": error.strerror})
            else:
                self._addresses[name] = [str(address[0]) for *_, address in results]
        self._by_address = {
            (address, port): self._by_address.get((address, port))
            or Replica(address, port, self._settings)
            for name, port in self._names
            for address in self._addresses.get(name, ())
        }
        self._resolve_at = monotonic() + _REFRESH_INTERVAL


class UpstreamService:
    """A service: its replicas, and its slots for requests in flight."""

    def __init__(self, name: str, urls: Iterable[str], settings: GatewaySettings) -> None:
        self.name = name
        self._replicas = ReplicaSet(urls, settings)
        self._round_robin = itertools.count()
        slots = settings.upstream_concurrency
        self._slots = Budget(slots)
        self._slots_of_addresses = Budget(slots, max(1, slots * 3 // 4))

    def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send a request to a replica, and read the headers of the response.

        Raises:
            ApiError: ``SERVICE_UNAVAILABLE`` if no replica is reachable, a connection is lost or
                all slots are taken; ``GATEWAY_TIMEOUT`` if no response arrives in time;
                ``TOO_MANY_REQUESTS`` if the caller has its share of the slots.
        """
        return self.execute(lambda replica: replica.send(request), request.is_retryable)

    def execute(self, operation: Callable[[Replica], Result], is_retryable: bool = False) -> Result:
        """Run ``operation`` on the first reachable replica.

        An account, or an address without a token, gets at most a quarter of the slots, and an
        address three quarters.

        Args:
            operation: called with a replica.
            is_retryable: whether another replica is tried if a connection is lost.

        Raises:
            ApiError: see `send`.
        """
        try:
            with (
                self._slots_of_addresses.reserve(1, client_network()),
                self._slots.reserve(1, current_caller()),
            ):
                return self._try_replicas(operation, is_retryable)
        except UpstreamError as error:
            self._count_failure(error.reason)
            raise ApiError(error.spec) from None
        except ApiError as refusal:
            if refusal.spec == SERVICE_UNAVAILABLE:
                self._count_failure("overloaded")
            raise

    def fetch(self, path: str, timeout: float) -> bytes | None:
        """Get a path, and return the body; None without a status of 200 within ``timeout``."""
        request = UpstreamRequest("GET", path, {})
        try:
            response = self._try_replicas(lambda replica: replica.send(request, timeout), True)
            body = b"".join(response.iter_body())
        except UpstreamError:
            return None
        return body if response.status == 200 else None

    def _try_replicas(self, operation: Callable[[Replica], Result], is_retryable: bool) -> Result:
        replicas = self._replicas.current()
        first = next(self._round_robin) % max(len(replicas), 1)
        rotated = replicas[first:] + replicas[:first]
        last_error: UpstreamError = ConnectError("the host name is unknown")
        for attempt, replica in enumerate(sorted(rotated, key=Replica.selection_key)):
            if attempt:
                metrics.upstream_retries.inc()
            try:
                return replica.run(operation)
            except (ConnectError, ConnectionLostError) as error:
                if isinstance(error, ConnectionLostError) and not is_retryable:
                    raise
                last_error = error
        raise last_error

    def _count_failure(self, reason: str) -> None:
        log.warning("service_failed", extra={"upstream": self.name, "reason": reason})
        metrics.upstream_failures.labels(self.name, reason).inc()


def create_upstreams(settings: GatewaySettings) -> dict[str, UpstreamService]:
    """Create the services, by their names in the route table."""
    urls = {
        "auth": settings.auth_service_url,
        "social": settings.social_service_url,
        "chat": settings.chat_service_url,
    }
    return {name: UpstreamService(name, replicas, settings) for name, replicas in urls.items()}


def fetch_all(
    services: Iterable[UpstreamService], path: str, timeout: float
) -> dict[str, bytes | None]:
    """Fetch a path of each service concurrently; see `UpstreamService.fetch`."""
    targets = list(services)
    with ThreadPoolExecutor(len(targets)) as threads:
        bodies = threads.map(lambda service: service.fetch(path, timeout), targets)
        return dict(zip((service.name for service in targets), bodies, strict=True))


def _announces_close(response: UpstreamResponse) -> bool:
    """Whether a replica shuts down: only then the servers of the services close connections."""
    return response.get_header("connection") == "close"


def _is_refusal(response: UpstreamResponse) -> bool:
    """Whether a replica is out of order. One that is only overloaded sends ``Retry-After``."""
    return (
        response.status == SERVICE_UNAVAILABLE.status and response.get_header("retry-after") is None
    )
