"""Requests to the API: their retries, and responses of any status."""

import copy
import time
from typing import Any, NamedTuple, Self

import requests

from ims_client.errors import RefusedError, TokenRefusedError, UnreachableError

_PAUSES = (0.2, 0.5, 1.0, 2.0)  # Seconds between the attempts of what may be repeated.
_TOO_MANY_REQUESTS = 429
_INVALID_TOKEN = -2


class Reply(NamedTuple):
    """A response: its HTTP status and its JSON body."""

    status: int
    body: Any

    def result(self) -> dict[str, Any]:
        """The body of a success.

        Raises:
            RefusedError: the response is an error.
        """
        if self.status != 200:
            code, info = self.body["code"], self.body["info"]
            error = TokenRefusedError if code == _INVALID_TOKEN else RefusedError
            raise error(self.status, code, info)
        body: dict[str, Any] = self.body
        return body


class Transport:
    """Sends requests with the token of an account, on a connection that stays open.

    `get`, `post`, `put`, `delete` and `call` send a request of any form once, and return a response
    of any status: for what `Client` has no method for.

    Args:
        base_url: of the gateway, e.g. ``http://127.0.0.1:8000``.
        token: of the account, if any.

    Attributes:
        timeouts: seconds to connect, and between two bytes of a response.
    """

    timeouts: tuple[float, float] = (5, 15)

    def __init__(self, base_url: str, token: str = "") -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self.reconnect()

    def copy(self) -> Self:
        """The same account, with a connection of its own."""
        copied = copy.copy(self)
        copied.reconnect()
        return copied

    def reconnect(self) -> None:
        """Use a new connection."""
        self._session = requests.Session()

    def get(self, path: str, **fields: Any) -> Reply:
        """GET with fields in the query string."""
        return self.call("GET", path, params=fields)

    def post(self, path: str, **fields: Any) -> Reply:
        """POST fields as JSON."""
        return self.call("POST", path, json=fields)

    def put(self, path: str, **fields: Any) -> Reply:
        """PUT fields as JSON."""
        return self.call("PUT", path, json=fields)

    def delete(self, path: str, **fields: Any) -> Reply:
        """DELETE with fields as JSON."""
        return self.call("DELETE", path, json=fields)

    def call(self, method: str, path: str, **request: Any) -> Reply:
        """Send any request; the response is JSON.

        Args:
            method: of HTTP.
            path: of the endpoint.
            request: ``json``, ``params``, ``data``, ``files`` and others, as `requests` takes them.

        Raises:
            UnreachableError: there was no response, or it is not JSON.
        """
        response = self.fetch(method, path, **request)
        try:
            return Reply(response.status_code, response.json())
        except ValueError as failure:
            raise UnreachableError(f"{method} {path}") from failure

    def fetch(self, method: str, path: str, **request: Any) -> requests.Response:
        """Send any request; the response can be anything.

        Args:
            method: of HTTP.
            path: of the endpoint, or a URL.
            request: as for `call`.

        Raises:
            UnreachableError: there was no response.
        """
        headers = dict(request.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", self.token)
        url = path if path.startswith("http") else self.base_url + path
        options = {"timeout": self.timeouts} | request
        try:
            return self._session.request(method, url, headers=headers, **options)
        except requests.RequestException as failure:
            raise UnreachableError(f"{method} {path}") from failure

    def _get(self, path: str, **fields: Any) -> dict[str, Any]:
        return self._repeat("GET", path, params=fields)

    def _post(self, path: str, **fields: Any) -> dict[str, Any]:
        return self._once("POST", path, json=fields)

    def _delete(self, path: str, **fields: Any) -> dict[str, Any]:
        return self._once("DELETE", path, json=fields)

    def _repeat(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The result of a request that is sent again until there is a response."""
        for pause in _PAUSES:
            try:
                return self._once(method, path, **request)
            except UnreachableError:
                time.sleep(pause)
        return self._once(method, path, **request)

    def _once(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        reply = self.call(method, path, **request)
        if reply.status >= 500 or reply.status == _TOO_MANY_REQUESTS:
            raise UnreachableError(f"{method} {path}: {reply.body['info']}")
        return reply.result()
