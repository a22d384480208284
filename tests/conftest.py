"""One product for all tests of a run, and clients of it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.attacks.forgeries import Mint
from tests.client import ApiClient
from tests.factories import make_user
from tests.product import running
from tests.scene import Scene, make_scene

_URL = "IMS_TEST_URL"
_DATA_DIR = "IMS_TEST_DATA_DIR"
_running = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start one product, whose URL the test processes find in their environment."""
    if _URL not in os.environ and not config.option.collectonly:
        folder = Path(_running.enter_context(tempfile.TemporaryDirectory(prefix="ims-tests-")))
        try:
            product = _running.enter_context(running(folder / "data", SQLITE_SYNCHRONOUS="NORMAL"))
        except RuntimeError as reason:
            pytest.exit(str(reason), returncode=1)
        os.environ[_URL], os.environ[_DATA_DIR] = product.base_url, str(product.data_dir)


def pytest_unconfigure() -> None:
    """Stop what this process started."""
    _running.close()


@pytest.fixture(scope="session")
def base_url() -> str:
    """The URL of the gateway."""
    return os.environ[_URL]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The data folder of the product."""
    return Path(os.environ[_DATA_DIR])


@pytest.fixture(scope="session")
def visitor(base_url: str) -> ApiClient:
    """A client without a token."""
    return ApiClient(base_url)


@pytest.fixture
def alice(base_url: str) -> ApiClient:
    """The client of a new account."""
    return make_user(base_url, "Alice")


@pytest.fixture
def bob(base_url: str) -> ApiClient:
    """The client of another new account."""
    return make_user(base_url, "Bob")


@pytest.fixture
def carol(base_url: str) -> ApiClient:
    """The client of a third new account."""
    return make_user(base_url, "Carol")


@pytest.fixture
def dave(base_url: str) -> ApiClient:
    """The client of a fourth new account."""
    return make_user(base_url, "Dave")


@pytest.fixture(scope="session")
def scene(base_url: str) -> Scene:
    """Users with common data, for requests that change nothing."""
    return make_scene(base_url)


@pytest.fixture(scope="session")
def mint(scene: Scene, data_dir: Path) -> Mint:
    """The keys of the product, and Alice's token."""
    return Mint(scene.alice.token, data_dir / "keys")


@pytest.fixture(scope="module")
def unchanged(scene: Scene) -> Iterator[None]:
    """Compare the scene before and after the tests of a module."""
    before = scene.picture()
    yield
    assert scene.picture() == before
