"""Requests that are retried until they succeed, as a patient client does."""

import random
import threading
import time
from collections.abc import Container
from typing import Any, Protocol

import requests
from ims_client import UnreachableError
from ims_client.transport import Transport

from shared.testing.secret_leaks import register_secrets
from tests.chaos.record import Record

OK = (200, 0)
_PATIENCE = 6.0  # Seconds per attempt.
_PAUSE = 0.05
_SECONDS_TO_RECOVER = 90.0

Answer = tuple[tuple[int, int], dict[str, Any]]


class Reachable(Protocol):
    """A product with gateways."""

    @property
    def base_url(self) -> str:
        """The URL of a gateway; with several gateways, another one each time."""


class NeverendingError(Exception):
    """No acceptable response arrived long after the end of all faults."""


class Asker:
    """A client that retries.

    Args:
        seed: the seed of the random choices.
        stopped: set when all faults have ended.

    Attributes:
        record: all acknowledged responses.
        random: the random choices.
    """

    def __init__(
        self, product: Reachable, record: Record, seed: str, stopped: threading.Event
    ) -> None:
        self.record = record
        self.random = random.Random(seed)
        self._product = product
        self._stopped = stopped
        self._stopped_at = 0.0
        self._transport = Transport(product.base_url)

    def insist(
        self,
        method: str,
        path: str,
        token: str | None,
        also: Container[tuple[int, int]] = (),
        picture: bytes | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Retry until the request succeeds, or an error in ``also`` shows that it had succeeded
        before.
        """
        while True:
            status, body = self.send(method, path, token, picture, **fields)
            if status == OK or status in also:
                return body
            self._wait_after(f"{method} {path}: {status} {body}")

    def send(
        self,
        method: str,
        path: str,
        token: str | None,
        picture: bytes | None = None,
        **fields: Any,
    ) -> Answer:
        """Send a request once; status and code of the answer are 0 without a response."""
        register_secrets(fields)
        part = "params" if method == "GET" else "data" if picture else "json"
        files = {"image": ("picture.png", picture)} if picture else None
        headers = {"Authorization": token} if token else {}
        response = self._request(method, path, headers=headers, files=files, **{part: fields})
        try:
            body = response.json() if response is not None else None
        except ValueError:
            body = None
        if response is None or body is None:
            return (0, 0), {}
        return (response.status_code, body["code"]), body

    def picture(self, path: str) -> bytes:
        """Get an image."""
        while True:
            response = self._request("GET", path)
            if response is not None and response.status_code == OK[0]:
                return response.content
            self._wait_after(f"GET {path}: {response}")

    def rests(self) -> bool:
        """Pause; return whether to continue."""
        return not self._stopped.wait(_PAUSE)

    def _request(self, method: str, path: str, **request: Any) -> requests.Response | None:
        self.record.counts("requests")
        url = self._product.base_url + path
        try:
            response = self._transport.fetch(method, url, timeout=_PATIENCE, **request)
        except UnreachableError:
            return None
        if response.status_code == 500:
            self.record.is_unkept(f"{method} {path} was answered with 500")
        return response

    def _wait_after(self, failure: str) -> None:
        self.record.counts("retries")
        if self._stopped.is_set() and not self._stopped_at:
            self._stopped_at = time.monotonic()
        if self._stopped_at and time.monotonic() > self._stopped_at + _SECONDS_TO_RECOVER:
            raise NeverendingError(failure)
        time.sleep(self.random.uniform(_PAUSE, 5 * _PAUSE))
