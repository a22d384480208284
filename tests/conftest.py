"""One product for all tests of a run, and a cast of people."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.attacks.forgeries import Mint
from tests.people import Person, Visitor, newcomer
from tests.product import running
from tests.scene import Scene, set_the_scene

_URL = "IMS_TEST_URL"
_DATA_DIR = "IMS_TEST_DATA_DIR"
_running = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start one product; the test processes find it in their environment."""
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
    """Where the product listens."""
    return os.environ[_URL]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Where it keeps its files."""
    return Path(os.environ[_DATA_DIR])


@pytest.fixture(scope="session")
def visitor(base_url: str) -> Visitor:
    """Somebody without a token."""
    return Visitor(base_url)


@pytest.fixture
def alice(base_url: str) -> Person:
    """Somebody new, whom nobody knows yet."""
    return newcomer(base_url, "Alice")


@pytest.fixture
def bob(base_url: str) -> Person:
    """Somebody else."""
    return newcomer(base_url, "Bob")


@pytest.fixture
def carol(base_url: str) -> Person:
    """A third person."""
    return newcomer(base_url, "Carol")


@pytest.fixture
def dave(base_url: str) -> Person:
    """A fourth person."""
    return newcomer(base_url, "Dave")


@pytest.fixture(scope="session")
def scene(base_url: str) -> Scene:
    """People who know each other, for requests that change nothing."""
    return set_the_scene(base_url)


@pytest.fixture(scope="session")
def mint(scene: Scene, data_dir: Path) -> Mint:
    """The keys of the product, and Alice's token."""
    assert scene.alice.token is not None
    return Mint(scene.alice.token, data_dir / "keys")


@pytest.fixture(scope="module")
def unchanged(scene: Scene) -> Iterator[None]:
    """Hold that after the tests of a module everything in the scene is as it was before."""
    before = scene.picture()
    yield
    assert scene.picture() == before
