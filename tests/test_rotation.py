"""Keys and secrets are replaced while the product runs: tokens stay valid, events arrive."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import psutil
import pytest
import requests

from tests.client import ApiClient
from tests.factories import befriend, make_user
from tests.product import ROOT, Product

pytestmark = pytest.mark.slow

ONE_HALF, THE_OTHER = ("auth_service", "social_service"), ("gateway", "chat_service")
TWO_WEEKS = 14 * 24 * 3600
SECONDS_TO_RESTART = 60
ONE_OF_EACH_SERVICE = ("/account/info", "/friends", "/conversations")


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """A product whose keys the test replaces."""
    product = Product(tmp_path / "data")
    product.start()
    yield product
    product.stop()


def _rotate(product: Product, step: str) -> None:
    keys = product.data_dir / "keys"
    command = [sys.executable, "-m", "deploy.keyring", "rotate", step, str(keys)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def _restart(product: Product, user: ApiClient, *programs: str) -> None:
    """Restart these programs, and wait until they respond; their health is cached for a moment."""
    old = [product.processes(program)[0] for program in programs]
    for process in old:
        process.terminate()
    psutil.wait_procs(old, SECONDS_TO_RESTART)
    deadline = time.monotonic() + SECONDS_TO_RESTART
    while not all(_is_served(product, user, path) for path in ONE_OF_EACH_SERVICE):
        assert time.monotonic() < deadline, product.log()
        time.sleep(0.05)


def _is_served(product: Product, user: ApiClient, path: str) -> bool:
    url, headers = f"{product.base_url}{path}", {"Authorization": user.token}
    try:
        return requests.get(url, headers=headers, timeout=SECONDS_TO_RESTART).status_code == 200
    except requests.ConnectionError:
        return False


def _all_is_well(product: Product, alice: ApiClient) -> None:
    """Old and new tokens work in all services, and events arrive."""
    friend = make_user(product.base_url, "Friend")
    befriend(alice, friend)
    assert (
        alice.get_private_conversation(friend.id).id == friend.get_private_conversation(alice.id).id
    )
    assert _signed_in_again(alice).get("/account/info").status == 200


def test_keys_and_secrets_are_replaced_without_interruption(product: Product) -> None:
    alice = make_user(product.base_url, "Alice")
    for step in ("accept", "use"):
        _rotate(product, step)
        for programs in (ONE_HALF, THE_OTHER):
            _restart(product, alice, *programs)
            _all_is_well(product, alice)
    again = _signed_in_again(alice)
    assert _key_of(again) != _key_of(alice)

    private = product.data_dir / "keys" / "jwt-private.pem"
    os.utime(private, (time.time() - TWO_WEEKS,) * 2)
    _rotate(product, "forget")
    _restart(product, again, *ONE_HALF, *THE_OTHER)

    _all_is_well(product, again)
    assert alice.get("/account/info").status == 401


def _signed_in_again(person: ApiClient) -> ApiClient:
    return ApiClient(person.base_url, person.name, person.email).sign_in()


def _key_of(person: ApiClient) -> str:
    kid: str = jwt.get_unverified_header(person.token)["kid"]
    return kid
