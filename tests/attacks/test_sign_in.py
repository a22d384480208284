"""Floods of sign-ins and guessed passwords do not lock other users out."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import pytest
from ims_client import Reply

from tests.client import PASSWORD, ApiClient
from tests.factories import make_user
from tests.product import Product, running

CONNECTIONS = 220
VISITS = 20
SECONDS = 60

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product with its default limits, behind a proxy that names its clients."""
    data_dir = tmp_path_factory.mktemp("signing-in") / "data"
    with running(data_dir, RATE_LIMITS="on", TRUSTED_PROXIES="1") as it:
        yield it


@pytest.fixture
def alice(product: Product) -> ApiClient:
    return make_user(product.base_url, "Alice")


def _sign_in(person: ApiClient, address: str, password: str = PASSWORD) -> Reply:
    body = {"email": person.email, "password": password}
    headers = {"X-Forwarded-For": address}
    return ApiClient(person.base_url).call("POST", "/account/login", json=body, headers=headers)


@contextmanager
def _flood(person: ApiClient, address: str) -> Iterator[Counter[int]]:
    """Very many connections that sign in with the right password, over and over."""
    url = urlsplit(person.base_url)
    body = json.dumps({"email": person.email, "password": PASSWORD})
    headers = {"X-Forwarded-For": address, "Content-Type": "application/json"}
    over = threading.Event()
    statuses: Counter[int] = Counter()

    def loop() -> None:
        while not over.is_set():
            with closing(HTTPConnection(url.netloc, timeout=SECONDS)) as connection:
                try:
                    while not over.is_set():
                        connection.request("POST", "/account/login", body, headers)
                        answer = connection.getresponse()
                        answer.read()
                        statuses[answer.status] += 1
                except (OSError, HTTPException):
                    continue

    threads = [threading.Thread(target=loop) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_repeated_sign_ins_do_not_delay_others(product: Product, alice: ApiClient) -> None:
    bob = make_user(product.base_url, "Bob")
    began = time.monotonic()

    with _flood(alice, "203.0.113.1") as flooded:
        visits = Counter(
            status
            for number in range(VISITS)
            for status in (
                _sign_in(bob, f"198.51.100.{number}").status,
                bob.get("/account/info").status,
                bob.get("/friends").status,
            )
        )

    assert visits == {200: 3 * VISITS}
    minutes = 2 + (time.monotonic() - began) // 60  # It may have met one more than it lasted.
    assert 0 < flooded[200] <= 30 * minutes
    assert flooded.keys() <= {200, 429, 503}


def test_guesses_from_many_addresses_do_not_lock_the_owner_out(alice: ApiClient) -> None:
    assert _sign_in(alice, "198.51.100.1").status == 200

    guesses = Counter(
        _sign_in(alice, f"203.0.113.{last}", "wrong").status
        for last in range(10)
        for _ in range(12)
    )

    assert guesses[401] <= 50
    assert guesses.keys() == {401, 429}
    assert _sign_in(alice, "203.0.113.99").status == 429
    assert _sign_in(alice, "198.51.100.1").status == 200
