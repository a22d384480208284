"""Pytest plugin: run the same tests on embedded stores and on those of production.

``--column postgres`` gives the services PostgreSQL, Redis and an S3 bucket.

After a run of all tests of a service, every error that its endpoints declare must have been
observed; otherwise the run fails and lists the others.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import make_url

from shared.media.decoder import decoder
from shared.testing.client import Refusal, refusals
from shared.testing.contracts import matches_newest
from shared.testing.databases import administer
from shared.testing.fake_services import FakeService, fake_service
from shared.testing.postgres import postgres_server
from shared.testing.waiting import detect_held_connections

pytest_plugins = ["shared.testing.cast"]

_SLOW_TEST_SECONDS = 300  # On a busy machine.
_SERVERS = "IMS_TEST_SERVERS"
_running = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--column``."""
    parser.addoption(
        "--column",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="which databases, buses and stores the services under test use",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start one server of each kind for all test processes, if the column requires them."""
    if config.getoption("--column") == "postgres" and _SERVERS not in os.environ:
        try:
            os.environ[_SERVERS] = json.dumps(_running.enter_context(_production_servers()))
        except (ImportError, RuntimeError) as missing:
            pytest.exit(f"NOT TESTED: {missing}", returncode=1 if "CI" in os.environ else 0)


@contextmanager
def _production_servers() -> Iterator[dict[str, str]]:
    from shared.testing.redis import redis_server  # noqa: PLC0415 - can be missing
    from shared.testing.s3 import s3_server  # noqa: PLC0415

    with postgres_server() as postgres, redis_server() as redis, s3_server() as s3:
        # Statistics of a table that is empty between two tests lead to plans for one row.
        administer(make_url(postgres.url), "ALTER SYSTEM SET autovacuum = off")
        administer(make_url(postgres.url), "SELECT pg_reload_conf()")
        yield {"postgres": postgres.url, "redis": redis.url, "s3": s3}


def pytest_unconfigure() -> None:
    """Stop the servers that this process started."""
    _running.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the tests of a module that share a fixture in one process, so that it is made once.

    Tests that use no database, bus or store run only with ``--column sqlite``. Slow tests, which
    start programs, have more time.
    """
    if config.getoption("--column") == "postgres":
        config.hook.pytest_deselected(items=[item for item in items if not _uses_servers(item)])
        items[:] = [item for item in items if _uses_servers(item)]
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SLOW_TEST_SECONDS))
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            fixtures = item._fixtureinfo.name2fixturedefs.values()
            if any(each[-1].scope == "module" for each in fixtures):
                item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Pass the errors of this process on; fail if a declared error was not observed."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["refusals"] = [
            sorted(refusals.declared),
            sorted(refusals.observed),
        ]
    elif exitstatus == pytest.ExitCode.OK and _unobserved_errors(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect the errors of a test process."""
    declared, observed = getattr(node, "workeroutput", {}).get("refusals", ([], []))
    refusals.declared |= set(map(tuple, declared))
    refusals.observed |= set(map(tuple, observed))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List the errors that no test has observed."""
    for service, method, path, code, info in _unobserved_errors(config):
        terminalreporter.write_line(
            f"FAILED {service}: no test provokes {method} {path}: {code} {info}", red=True
        )


def _unobserved_errors(config: pytest.Config) -> list[Refusal]:
    """List the declared errors that were not observed, of services whose tests have all run."""
    some_only = config.option.markexpr not in ("", "not slow")
    if some_only or config.option.keyword or getattr(config.option, "lf", False):
        return []
    whole = {Path(arg).resolve().name for arg in config.args if Path(arg).is_dir()}
    missed = refusals.declared - refusals.observed
    return sorted(row for row in missed if row[0] in whole)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> dict[str, str]:
    """URLs of the running servers: ``postgres``, ``redis``, ``s3``; empty in the SQLite column."""
    if request.config.getoption("--column") == "sqlite":
        return {}
    urls: dict[str, str] = json.loads(os.environ[_SERVERS])
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return urls | {"redis": f"{urls['redis'].rpartition('/')[0]}/{number}"}


def _uses_servers(item: pytest.Item) -> bool:
    return "servers" in getattr(item, "fixturenames", ())


@pytest.fixture(autouse=True)
def _fresh_redis(request: pytest.FixtureRequest) -> None:
    """Delete the frames and counters of other tests."""
    servers = request.getfixturevalue("servers") if _uses_servers(request.node) else {}
    if servers:
        with Redis.from_url(servers["redis"]) as redis:
            redis.flushdb()


@pytest.fixture(autouse=True)
def _nothing_held_while_waiting() -> Iterator[None]:
    """Fail if a request holds a database connection while it waits for the network."""
    with detect_held_connections() as stacks:
        yield
    assert not stacks, f"held a database connection:\n{stacks[0]}"


@pytest.fixture(scope="session", autouse=True)
def _stopped_decoder() -> Iterator[None]:
    """Stop the decoder of this process at the end."""
    yield
    decoder.stop()


@pytest.fixture(scope="session")
def _fake_services() -> Iterator[dict[str, FakeService]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(fake_service()) for name in ("auth", "social", "chat")}


@pytest.fixture
def fake_services(_fake_services: dict[str, FakeService]) -> Iterator[dict[str, FakeService]]:
    """Fake services by name.

    Every event that they receive in a test must match its contract.
    """
    yield _fake_services
    delivered = [event for each in _fake_services.values() for event in each.events]
    for each in _fake_services.values():
        each.reset()
    assert [event for event in delivered if not matches_newest(event)] == []
