"""The services behind the gateway: replicas in turn, bounded waiting, safe repeats.

Every address of every name is a replica. Names are looked up again and again, so replicas come
and go without a word to the gateway. The next request goes to the replica with the fewest to
answer, so that one that hangs gets hardly any; one that fails or leaves is out, until it answers
a question of the gateway's own. Each service has connections and a number of waiting
requests of its own, so that one that hangs takes nothing from the others.
"""

import itertools
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Timeout
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ProtocolError, ReadTimeoutError
from urllib3.util import SKIP_HEADER

from gateway import metrics
from gateway.config import GatewaySettings
from shared.connections import is_quiet
from shared.errors import GATEWAY_TIMEOUT, UNAVAILABLE, ApiError, ErrorSpec

log = logging.getLogger(__name__)

# Much shorter than services keep an idle connection, so that they hardly ever close one that
# is just being used: a POST that meets a closed connection cannot be repeated.
_IDLE_SECONDS = 20
_SECONDS_BETWEEN_LOOKS = 2

# What urllib3 would say of itself; the client has said it, or has chosen not to.
SILENCE = {"Accept-Encoding": SKIP_HEADER, "User-Agent": SKIP_HEADER}

Result = TypeVar("Result")


class Outgoing(NamedTuple):
    """A request as a service shall get it. A body that is not all there yet comes in blocks."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | Iterable[bytes] | None = None

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows what became of it."""
        return self.body is None and self.method in ("GET", "HEAD")


_QUESTION = Outgoing("GET", "/livez", SILENCE)
_QUESTION_SECONDS = 2


class Connection(HTTPConnection):
    """A connection that is quick to give up connecting, and patient afterwards.

    urllib3 by itself also sends with the timeout of connecting.
    """

    def __init__(self, *args: Any, connect_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connect_seconds = connect_seconds
        self._used_at = monotonic()

    def connect(self) -> None:
        """Connect to the replica."""
        patience, self.timeout = self.timeout, self._connect_seconds
        super().connect()
        self.timeout = patience
        self.sock.settimeout(patience)

    def send(self, data: Any) -> None:
        """Send a part of a request."""
        self._used_at = monotonic()
        super().send(data)

    @property
    def is_connected(self) -> bool:
        """Whether this connection, back from the pool, is worth using again."""
        if self.sock is None or monotonic() - self._used_at > _IDLE_SECONDS:
            return False
        return is_quiet(self.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class Replica:
    """One address of a service, with its pool of connections.

    Attributes:
        is_out: it has failed or is leaving, and is the last to be asked.
    """

    def __init__(self, host: str, port: int, settings: GatewaySettings) -> None:
        self.is_out = False
        self._unanswered = 0
        self._seconds = settings.upstream_timeout_seconds
        self._pool = _Pool(
            host,
            port,
            maxsize=settings.upstream_concurrency,
            retries=False,
            connect_seconds=settings.upstream_connect_timeout_seconds,
        )

    def reluctance(self) -> tuple[bool, int]:
        """The greater, the better is another replica."""
        return self.is_out, self._unanswered

    def look(self) -> None:
        """See whether it is back: whether it answers, and not for the last time."""
        with suppress(HTTPError):
            answer = self.send(_QUESTION, _QUESTION_SECONDS)
            answer.drain_conn()
            self.is_out = _says_goodbye(answer)

    def do(self, deed: Callable[["Replica"], Result]) -> Result:
        """What ``deed`` gets from this replica, which is out if it is not there or silent."""
        self._unanswered += 1
        try:
            return deed(self)
        except (ConnectTimeoutError, ReadTimeoutError):
            self.is_out = True
            raise
        finally:
            self._unanswered -= 1

    def connect(self) -> Connection:
        """A connection outside the pool."""
        pool = self._pool
        connection = Connection(pool.host, pool.port, timeout=self._seconds, **pool.conn_kw)
        connection.connect()
        return connection

    def send(self, outgoing: Outgoing, seconds: float | None = None) -> BaseHTTPResponse:
        """The answer to a request, its body yet to be read; silence ends after ``seconds``."""
        try:
            return self._send(outgoing, seconds or self._seconds)
        except ProtocolError as error:
            if not outgoing.repeatable or _timed_out(error):
                raise
        metrics.upstream_retries.inc()
        # The likely cause: a pooled connection that the replica was just closing.
        return self._send(outgoing, seconds or self._seconds)

    def _send(self, outgoing: Outgoing, seconds: float) -> BaseHTTPResponse:
        answer = self._pool.urlopen(
            outgoing.method,
            outgoing.target,
            outgoing.body,
            outgoing.headers,
            redirect=False,
            assert_same_host=False,
            timeout=Timeout(connect=seconds, read=seconds),
            preload_content=False,
            decode_content=False,
        )
        self.is_out = self.is_out or _says_goodbye(answer)
        return answer


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
                log.warning("name_not_found", extra={"host": name, "why": error.strerror})
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
        self._places = BoundedSemaphore(settings.upstream_concurrency)

    def send(self, outgoing: Outgoing) -> BaseHTTPResponse:
        """The service's answer, its body yet to be read.

        Raises:
            ApiError: ``UNAVAILABLE`` if nobody takes the request or its connection breaks,
                ``GATEWAY_TIMEOUT`` if no answer comes in time.
        """
        return self.wait_for(lambda replica: replica.send(outgoing))

    def wait_for(self, deed: Callable[[Replica], Result]) -> Result:
        """What ``deed`` gets from the first replica that can be connected to.

        Raises:
            ApiError: as ``send``.
        """
        if not self._places.acquire(blocking=False):
            raise self._refusal(UNAVAILABLE, "too_many_waiting")
        try:
            return self._with_a_replica(deed)
        except ReadTimeoutError:
            raise self._refusal(GATEWAY_TIMEOUT, "silent") from None
        except ProtocolError as error:
            if _timed_out(error):
                raise self._refusal(GATEWAY_TIMEOUT, "does_not_read") from None
            raise self._refusal(UNAVAILABLE, "connection_broke") from None
        except HTTPError:
            raise self._refusal(UNAVAILABLE, "not_reachable") from None
        finally:
            self._places.release()

    def ask(self, path: str, seconds: float) -> bytes | None:
        """The answer to a GET of the gateway's own, or None if it is not 200 in time."""
        outgoing = Outgoing("GET", path, SILENCE)
        try:
            answer = self._with_a_replica(lambda replica: replica.send(outgoing, seconds))
            body = answer.data
        except HTTPError:
            return None
        return body if answer.status == 200 else None

    def _with_a_replica(self, deed: Callable[[Replica], Result]) -> Result:
        replicas = self._replicas.now()
        first = next(self._turns) % max(len(replicas), 1)
        in_turn = replicas[first:] + replicas[:first]
        failure = HTTPError("its name is not known")
        for replica in sorted(in_turn, key=Replica.reluctance):
            try:
                return replica.do(deed)
            except ConnectTimeoutError as error:  # Refused as well: nothing was sent.
                metrics.upstream_retries.inc()
                failure = error
        raise failure

    def _refusal(self, spec: ErrorSpec, why: str) -> ApiError:
        log.warning("service_failed", extra={"upstream": self.name, "why": why})
        metrics.upstream_failures.labels(self.name, why).inc()
        return ApiError(spec)


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


def _says_goodbye(answer: BaseHTTPResponse) -> bool:
    """Whether a replica is leaving: otherwise our servers keep their connections."""
    return answer.headers.get("Connection") == "close"


def _timed_out(error: ProtocolError) -> bool:
    """Whether a connection broke because the replica took no more bytes in time."""
    return isinstance(error.args[-1], TimeoutError)
