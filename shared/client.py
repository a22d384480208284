"""Calls from one service to another: pooled, with timeouts always, carrying the request id."""

import itertools
import threading
from typing import Any

import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter

from shared.logs import request_id
from shared.request_waits import release_database_connection

SECRET_HEADER = "X-Internal-Secret"


class Unreachable(Exception):
    """The other service did not answer in time, or not with success."""


class ServiceClient:
    """The one way to a neighbour's ``/internal`` endpoints.

    Args:
        urls: base URLs of the service's replicas, used in turn.
        secret: what the service asks of its callers.
        timeout: seconds to wait for a connection, and for an answer.
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
        """GET ``path``; another replica is asked if one does not answer.

        Raises:
            Unreachable: none gave an answer.
        """
        return self._call("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST ``body`` as JSON. Every ``/internal`` POST may be repeated, so it is retried alike.

        Raises:
            Unreachable: none gave an answer.
        """
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
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
                    timeout=self._timeout,
                    allow_redirects=False,
                    headers={"X-Request-Id": request_id.get()},
                    **arguments,
                )
                if response.status_code == 200:
                    answer: dict[str, Any] = response.json()
                    return answer
                failure = Unreachable(f"{method} {path}: {response.status_code}")
            except (requests.RequestException, ValueError) as error:
                failure = error
        raise Unreachable(f"{method} {url}{path}") from failure
