"""The HTTP client for other services: pooled, with timeouts, and with the request's id."""

import itertools
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter

from shared.logs import request_id
from shared.web.request_waits import release_database_connection

SECRET_HEADER = "X-Internal-Secret"

T = TypeVar("T")

_STREAM_TIMEOUT = (0.5, 10.0)
_BLOCK = 64 * 1024


class UnreachableError(Exception):
    """The other service did not respond in time, or not with success."""


class ServiceClient:
    """A client of another service's ``/internal`` endpoints.

    Args:
        urls: base URLs of the service's replicas, used in turn.
        secret: the secret that the service requires.
        timeout: seconds to connect, and to wait for the response.
    """

    def __init__(
        self, urls: tuple[str, ...], secret: SecretStr, timeout: tuple[float, float] = (0.5, 2.0)
    ) -> None:
        self._urls = itertools.cycle(urls)
        self._replicas = len(urls)
        self._turn = threading.Lock()
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers[SECRET_HEADER] = secret.get_secret_value()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=16))
        self._session.mount("https://", HTTPAdapter(pool_maxsize=16))

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET ``path``. Other replicas are tried if one does not respond.

        Raises:
            UnreachableError: no replica responded with success.
        """
        return self._call("GET", path, _as_json, params=params)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST ``body`` as JSON. It is retried like GET, because every ``/internal`` POST can be
        repeated.

        Raises:
            UnreachableError: no replica responded with success.
        """
        return self._call("POST", path, _as_json, json=body)

    def lines(
        self, path: str, *, timeout: tuple[float, float] = _STREAM_TIMEOUT, **params: Any
    ) -> Generator[bytes]:
        """GET ``path``, and yield the lines of the response as they arrive.

        Other replicas are tried if one does not begin to respond. A connection is held until the
        last line has arrived or the iterator is closed.

        Args:
            path: a path below ``/internal``.
            timeout: seconds to connect, and to wait for each chunk of the response.
            params: the query.

        Raises:
            UnreachableError: no replica began to respond, or the response was aborted.
        """
        response = self._call("GET", path, _unread, params=params, stream=True, timeout=timeout)
        return _lines_of(response)

    def _call(
        self, method: str, path: str, read: Callable[[requests.Response], T], **arguments: Any
    ) -> T:
        release_database_connection()
        failure: Exception | None = None
        url = ""
        for _ in range(self._replicas):
            with self._turn:
                url = next(self._urls)
            try:
                response = self._session.request(
                    method,
                    url + path,
                    allow_redirects=False,
                    headers={"X-Request-Id": request_id.get()},
                    **{"timeout": self._timeout, **arguments},
                )
                if response.status_code == 200:
                    return read(response)
                response.close()
                failure = UnreachableError(f"{method} {path}: {response.status_code}")
            except (requests.RequestException, ValueError) as error:
                failure = error
        raise UnreachableError(f"{method} {url}{path}") from failure


def _as_json(response: requests.Response) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    return body


def _unread(response: requests.Response) -> requests.Response:
    return response


def _lines_of(response: requests.Response) -> Generator[bytes]:
    with response:
        try:
            yield from response.iter_lines(_BLOCK)
        except requests.RequestException as error:
            raise UnreachableError(f"{response.url} broke off") from error
