"""Pytest plugin: the same tests on SQLite (``--column sqlite``) and on PostgreSQL.

When all tests of a service have run, every refusal that its endpoints declare must have been
provoked by one of them; otherwise the run fails and names the rest.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from shared.testing.client import Refusal, refusals
from shared.testing.contracts import is_told
from shared.testing.neighbours import Neighbour, neighbour
from shared.testing.postgres import postgres_server

pytest_plugins = ["shared.testing.cast"]

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
        os.environ[_SERVER] = _running.enter_context(postgres_server()).url


def pytest_unconfigure() -> None:
    """Stop what this process started."""
    _running.close()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what this process met; fail if nobody met a declared refusal."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["refusals"] = [
            sorted(refusals.declared),
            sorted(refusals.provoked),
        ]
    elif exitstatus == pytest.ExitCode.OK and _never_provoked(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what a test process has met."""
    declared, provoked = getattr(node, "workeroutput", {}).get("refusals", ([], []))
    refusals.declared |= set(map(tuple, declared))
    refusals.provoked |= set(map(tuple, provoked))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the refusals that no test has met."""
    for service, method, path, code, info in _never_provoked(config):
        terminalreporter.write_line(
            f"FAILED {service}: no test provokes {method} {path}: {code} {info}", red=True
        )


def _never_provoked(config: pytest.Config) -> list[Refusal]:
    """The declared refusals that were not met by the services whose tests have all run."""
    if config.option.keyword or config.option.markexpr or getattr(config.option, "lf", False):
        return []
    whole = {Path(arg).resolve().name for arg in config.args if Path(arg).is_dir()}
    missed = refusals.declared - refusals.provoked
    return sorted(row for row in missed if row[0] in whole)


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
    """Real servers in place of the neighbouring services, by name.

    Whatever a service tells them in a test must be as its contract says.
    """
    yield _neighbours
    told = [event for each in _neighbours.values() for event in each.events]
    for each in _neighbours.values():
        each.forget()
    assert [event for event in told if not is_told(event)] == []
