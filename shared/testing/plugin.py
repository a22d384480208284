"""Pytest plugin: the same tests on SQLite (``--column sqlite``) and on PostgreSQL."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shared.testing.neighbours import Neighbour, neighbour
from shared.testing.postgres import postgres_server

_SERVER = "IMS_TEST_POSTGRES"
_running = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--column``."""
    parser.addoption(
        "--column",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="which databases the services under test use",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start one PostgreSQL server for all test processes, if the column wants it."""
    if config.getoption("--column") == "postgres" and _SERVER not in os.environ:
        os.environ[_SERVER] = _running.enter_context(postgres_server())


def pytest_unconfigure() -> None:
    """Stop what this process started."""
    _running.close()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> str | None:
    """URL of the running PostgreSQL server; None in the SQLite column."""
    return os.environ[_SERVER] if request.config.getoption("--column") == "postgres" else None


@pytest.fixture(scope="session")
def _neighbours() -> Iterator[dict[str, Neighbour]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(neighbour()) for name in ("auth", "social", "chat")}


@pytest.fixture
def neighbours(_neighbours: dict[str, Neighbour]) -> Iterator[dict[str, Neighbour]]:
    """Real servers in place of the neighbouring services, by name."""
    yield _neighbours
    for each in _neighbours.values():
        each.forget()
