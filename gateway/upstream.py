"""The services behind the gateway: replicas in turn, bounded waiting, safe repeats.

Every address of every name is a replica. Names are looked up again and again, so replicas come
and go without a word to the gateway. The next request goes to the replica with the fewest to
answer, so that one that hangs gets hardly any; one that fails, leaves or is unavailable time after
time is out, until it says that it is ready. Each service has connections and a number of waiting
requests of its own, so that one that hangs takes nothing from the others.
"""

import itertools
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http import HTTPStatus
from threading import Thread
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit

from gateway import metrics
from gateway.config import GatewaySettings
from gateway.connection import (
    Answer,
    ConnectError,
    Connection,
    ConnectionLostError,
    Outgoing,
    ReadTimeoutError,
    UpstreamError,
)
from shared.web.budget import Budget, current_caller
from shared.web.errors import SERVICE_UNAVAILABLE, ApiError
from shared.web.rate_limits import client_network

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 2
_QUESTION_SECONDS = 2
_MAX_REFUSALS = 3

Result = TypeVar("Result")


class Replica:
    """One address of a service, with the connections that wait for the next request.

    Attributes:
        is_out: it has failed, is leaving or cannot serve, and is the last to be asked.
        seconds: how long it may be silent.
    """

    def __init__(self, host: str, port: int, settings: GatewaySettings) -> None:
        self.is_out = False
        self._unanswered = 0
        self._refusals = 0
        self.seconds = settings.upstream_timeout_seconds
        self._connect_seconds = settings.upstream_connect_timeout_seconds
        self._address = host, port
        self._most_idle = settings.upstream_concurrency
        self._idle: list[Connection] = []

    def reluctance(self) -> tuple[bool, int]:
        """The greater, the better is another replica."""
        return self.is_out, self._unanswered

    def look(self) -> None:
        """See whether it is back: whether it is ready, and does not answer for the last time."""
        with suppress(UpstreamError):
            answer = self.send(Outgoing("GET", "/readyz", {}), _QUESTION_SECONDS)
            deque(answer.blocks(), maxlen=0)
            self.is_out = answer.status != HTTPStatus.OK or _says_goodbye(answer)

    def record(self, answer: Answer) -> None:
        """Put it out if ``answer`` shows that others had better be asked."""
        self._refusals = self._refusals + 1 if _is_refusal(answer) else 0
        if _says_goodbye(answer) or self._refusals >= _MAX_REFUSALS:
            self.is_out = True

    def do(self, deed: Callable[["Replica"], Result]) -> Result:
        """What ``deed`` gets from this replica, which is out if it is not there or silent."""
        self._unanswered += 1
        try:
            return deed(self)
        except (ConnectError, ReadTimeoutError):
            self.is_out = True
            raise
        finally:
            self._unanswered -= 1

    def connect(self) -> Connection:
        """A new connection.

        Raises:
            UpstreamError: ``ConnectError``.
        """
        return Connection(self._address, self._connect_seconds)

    def send(self, outgoing: Outgoing, seconds: float | None = None) -> Answer:
        """The answer to a request, its body yet to be read; silence ends after ``seconds``.

        Raises:
            UpstreamError: there is none.
        """
        seconds = seconds or self.seconds
        try:
            return self._send(outgoing, seconds)
        except ConnectionLostError:
            if not outgoing.repeatable:
                raise
        metrics.upstream_retries.inc()
        # The likely cause: a pooled connection that the replica was just closing.
        return self._send(outgoing, seconds)

    def _send(self, outgoing: Outgoing, seconds: float) -> Answer:
        connection = self._kept() or self.connect()
        try:
            connection.send(outgoing, seconds)
            answer = connection.answer(outgoing.method, self._keep)
        except BaseException:
            connection.close()
            raise
        self.record(answer)
        return answer

    def _kept(self) -> Connection | None:
        """The connection that was used last, so that those not needed any more grow old."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if len(self._idle) < self._most_idle:
            self._idle.append(connection)
        else:
            connection.close()


class _Replicas:
    """All replicas at some URLs, as their names are known now."""

    def __init__(self, urls: Iterable[str], settings: GatewaySettings) -> None:
        parts = map(urlsplit, urls)
        self._settings = settings
        self._names = [(part.hostname or "", part.port or 80) for part in parts]
        self._addresses: dict[str, list[str]] = {}
        self._known: dict[tuple[str, int], Replica] = {}
        self._look_up_at = 0.0

    def now(self) -> list[Replica]:
        """The replicas; nobody waits for a name but the first who asks."""
        if not self._known:
            self._look_up()
        elif monotonic() > self._look_up_at:
            self._look_up_at = monotonic() + _SECONDS_BETWEEN_LOOKS
            Thread(target=self._look, daemon=True).start()
        return list(self._known.values())

    def _look(self) -> None:
        self._look_up()
        for replica in self._known.values():
            if replica.is_out and len(self._known) > 1:  # The only one gets requests in any case.
                replica.look()

    def _look_up(self) -> None:
        for name, port in self._names:
            try:
                found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            except socket.gaierror as error:  # What was known of it is better than nothing.
                log.warning("dns_lookup_failed", extra={"host": name, "why": error.strerror})
            else:
                self._addresses[name] = [str(address[0]) for *_, address in found]
        self._known = {
            (address, port): self._known.get((address, port))
            or Replica(address, port, self._settings)
            for name, port in self._names
            for address in self._addresses.get(name, ())
        }
        self._look_up_at = monotonic() + _SECONDS_BETWEEN_LOOKS


class Service:
    """A service: its replicas take turns, and only so many requests may wait for it."""

    def __init__(self, name: str, urls: Iterable[str], settings: GatewaySettings) -> None:
        self.name = name
        self._replicas = _Replicas(urls, settings)
        self._turns = itertools.count()
        places = settings.upstream_concurrency
        self._places = Budget(places)
        self._places_of_addresses = Budget(places, max(1, places * 3 // 4))

    def send(self, outgoing: Outgoing) -> Answer:
        """The service's answer, its body yet to be read.

        Raises:
            ApiError: ``SERVICE_UNAVAILABLE`` if nobody takes the request or its connection breaks,
                ``GATEWAY_TIMEOUT`` if no answer comes in time.
        """
        return self.wait_for(lambda replica: replica.send(outgoing), outgoing.repeatable)

    def wait_for(self, deed: Callable[[Replica], Result], repeatable: bool = False) -> Result:
        """What ``deed`` gets from the first replica that can be connected to.

        An account, or an address without a token, has a quarter of the places at most, and an
        address three quarters.

        Args:
            deed: what to do with a replica.
            repeatable: whether another may be asked when a connection has broken.

        Raises:
            ApiError: as ``send``; ``TOO_MANY_REQUESTS`` if the caller has as many places as it may
                have.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(self._places_of_addresses.taken(1, client_network()))
                stack.enter_context(self._places.taken(1, current_caller()))
            except ApiError as refusal:
                if refusal.spec == SERVICE_UNAVAILABLE:
                    self._count_failure("overloaded")
                raise
            try:
                return self._with_a_replica(deed, repeatable)
            except UpstreamError as failure:
                self._count_failure(failure.why)
                raise ApiError(failure.spec) from None

    def ask(self, path: str, seconds: float) -> bytes | None:
        """The answer to a GET of the gateway's own, or None if it is not 200 in time."""
        outgoing = Outgoing("GET", path, {})
        try:
            answer = self._with_a_replica(lambda replica: replica.send(outgoing, seconds), True)
            body = b"".join(answer.blocks())
        except UpstreamError:
            return None
        return body if answer.status == 200 else None

    def _with_a_replica(self, deed: Callable[[Replica], Result], repeatable: bool) -> Result:
        replicas = self._replicas.now()
        first = next(self._turns) % max(len(replicas), 1)
        in_turn = replicas[first:] + replicas[:first]
        failure: UpstreamError = ConnectError("its name is not known")
        for replica in sorted(in_turn, key=Replica.reluctance):
            try:
                return replica.do(deed)
            except (ConnectError, ConnectionLostError) as error:
                if isinstance(error, ConnectionLostError) and not repeatable:
                    raise
                metrics.upstream_retries.inc()
                failure = error
        raise failure

    def _count_failure(self, why: str) -> None:
        log.warning("service_failed", extra={"upstream": self.name, "why": why})
        metrics.upstream_failures.labels(self.name, why).inc()


def services_of(settings: GatewaySettings) -> dict[str, Service]:
    """The services by their names in the route table."""
    urls = {
        "auth": settings.auth_service_url,
        "social": settings.social_service_url,
        "chat": settings.chat_service_url,
    }
    return {name: Service(name, replicas, settings) for name, replicas in urls.items()}


def ask_all(services: Iterable[Service], path: str, seconds: float) -> dict[str, bytes | None]:
    """What each service answers to a GET of the gateway's own, all asked at once."""
    asked = list(services)
    with ThreadPoolExecutor(len(asked)) as threads:
        answers = threads.map(lambda service: service.ask(path, seconds), asked)
        return dict(zip((service.name for service in asked), answers, strict=True))


def _says_goodbye(answer: Answer) -> bool:
    """Whether a replica is leaving: otherwise our servers keep their connections."""
    return answer.header("connection") == "close"


def _is_refusal(answer: Answer) -> bool:
    """Whether a replica cannot serve. One that is only busy says when to come again."""
    return answer.status == SERVICE_UNAVAILABLE.status and answer.header("retry-after") is None
