"""The programs of the product as targets: the gateway, and the services behind it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.wire import Door
from tests.product import Product, running

GATEWAY = "gateway"
SERVICES = ("auth_service", "social_service", "chat_service")


def doors_of(base_url: str, data_dir: Path) -> dict[str, Door]:
    """List every program of a product as a target on the attacker's network."""
    services: dict[str, str] = json.loads((data_dir / "run" / "services.json").read_text())
    return {name: Door(url) for name, url in {GATEWAY: base_url, **services}.items()}


@pytest.fixture(scope="session")
def doors(base_url: str, data_dir: Path) -> dict[str, Door]:
    """The programs of the shared product."""
    return doors_of(base_url, data_dir)


@pytest.fixture(params=[GATEWAY, *SERVICES])
def door(request: pytest.FixtureRequest, doors: dict[str, Door]) -> Door:
    """Each of the programs."""
    return doors[request.param]


@pytest.fixture(params=[GATEWAY, "social_service"])
def social_door(request: pytest.FixtureRequest, doors: dict[str, Door]) -> Door:
    """The gateway and the social service."""
    return doors[request.param]


@pytest.fixture(params=[GATEWAY, "chat_service"])
def chat_door(request: pytest.FixtureRequest, doors: dict[str, Door]) -> Door:
    """The gateway and the chat service."""
    return doors[request.param]


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product with short timeouts and low limits, for one group of tests."""
    with running(
        tmp_path_factory.mktemp("impatient") / "data",
        GUNICORN_CMD_ARGS="--keep-alive 1",
        RATE_LIMITS="on",
        RATE_LIMIT_ACCOUNT="100/minute",
        RATE_LIMIT_WEBSOCKETS="40/minute",
        SQLITE_SYNCHRONOUS="NORMAL",
    ) as product:
        yield product
