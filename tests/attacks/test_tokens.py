"""Forged tokens and secrets of other services are rejected."""

from pathlib import Path

import pytest

from tests.attacks.conftest import SERVICES
from tests.attacks.forgeries import BAD_TOKENS, Forge, Mint
from tests.attacks.wire import Door
from tests.client import INVALID_JWT, ApiClient
from tests.scene import Scene

pytestmark = pytest.mark.slow

INTERNAL = "/internal/events"


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def secrets(data_dir: Path) -> dict[str, str]:
    """The secret of the callers of each service."""
    return {name: (data_dir / "keys" / f"{name}-secret").read_text() for name in SERVICES}


@pytest.mark.parametrize("forge", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_opens_no_door(door: Door, mint: Mint, forge: Forge) -> None:
    visitor = ApiClient(door.url, token=forge(mint))
    paths = ("/account/info", "/friends", "/conversations")

    assert [visitor.get(path) for path in paths] == [INVALID_JWT] * 3


def test_a_users_token_means_nothing_between_services(
    doors: dict[str, Door], service: str, scene: Scene
) -> None:
    token = scene.alice.token or ""
    shown = {"Authorization": token, "X-Internal-Secret": token}

    reply = ApiClient(doors[service].url).call("POST", INTERNAL, headers=shown, json={"events": []})

    assert reply == INVALID_JWT


def test_a_services_secret_is_no_token(
    doors: dict[str, Door], service: str, secrets: dict[str, str]
) -> None:
    shown = {"Authorization": secrets[service], "X-Internal-Secret": secrets[service]}
    visitor = ApiClient(doors[service].url)
    paths = ("/account/info", "/friends", "/conversations")

    assert [visitor.call("GET", path, headers=shown) for path in paths] == [INVALID_JWT] * 3


def test_the_secret_of_one_service_opens_no_other(
    doors: dict[str, Door], service: str, secrets: dict[str, str]
) -> None:
    visitor = ApiClient(doors[service].url)
    foreign = [secret for name, secret in secrets.items() if name != service]

    replies = [
        visitor.call("POST", INTERNAL, headers={"X-Internal-Secret": secret}, json={"events": []})
        for secret in foreign
    ]

    assert replies == [INVALID_JWT] * 2


def test_a_service_believes_no_header_about_who_is_calling(door: Door, scene: Scene) -> None:
    claims = {"X-User-Id": str(scene.alice.id), "X-Forwarded-User": str(scene.alice.id)}

    assert ApiClient(door.url).call("GET", "/friends", headers=claims) == INVALID_JWT
