"""The doors of the product: the gateway, and what lies behind it if somebody gets there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.wire import Door
from tests.product import Product, running

GATEWAY = "gateway"
SERVICES = ("auth_service", "social_service", "chat_service")


def doors_of(base_url: str, data_dir: Path) -> dict[str, Door]:
    """Every program of a product, as an attacker on its network sees it."""
    services: dict[str, str] = json.loads((data_dir / "run" / "services.json").read_text())
    return {name: Door(url) for name, url in {GATEWAY: base_url, **services}.items()}


@pytest.fixture(scope="session")
def doors(base_url: str, data_dir: Path) -> dict[str, Door]:
    """Those of the product of all tests."""
    return doors_of(base_url, data_dir)


@pytest.fixture(params=[GATEWAY, *SERVICES])
def door(request: pytest.FixtureRequest, doors: dict[str, Door]) -> Door:
    """Each of them."""
    return doors[request.param]


@pytest.fixture(params=[GATEWAY, "social_service"])
def social_door(request: pytest.FixtureRequest, doors: dict[str, Door]) -> Door:
    """The two ways to the social service."""
    return doors[request.param]


@pytest.fixture(params=[GATEWAY, "chat_service"])
def chat_door(request: pytest.FixtureRequest, doors: dict[str, Door]) -> Door:
    """The two ways to the chat service."""
    return doors[request.param]


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product with little patience and low limits, for the tests of one group."""
    with running(
        tmp_path_factory.mktemp("impatient") / "data",
        GUNICORN_CMD_ARGS="--keep-alive 1",
        RATE_LIMITS="on",
        RATE_LIMIT_ACCOUNT="100/minute",
        RATE_LIMIT_WEBSOCKETS="40/minute",
        SQLITE_SYNCHRONOUS="NORMAL",
    ) as product:
        yield product
