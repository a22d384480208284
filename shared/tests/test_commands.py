"""Errors of commands: one line with the reason, and status 1."""

from collections.abc import Iterator, Mapping

import pytest
from flask import Flask

from shared.testing.fake_services import FakeService
from shared.tests.tiny import create_app, db


@pytest.fixture
def elsewhere(env: Mapping[str, str]) -> Iterator[Flask]:
    """The service with an unreachable database."""
    app = create_app({**env, "DATABASE_URL": "sqlite:////nowhere/at/all.db"})
    yield app
    with app.app_context():
        db.engine.dispose()
    create_app(env)


def test_help_lists_the_commands_of_the_service_and_no_others(app: Flask) -> None:
    help_text = app.test_cli_runner().invoke(args=["--help"]).output
    _, _, commands = help_text.partition("Commands:\n")
    assert [line.split()[0] for line in commands.splitlines()] == ["accounts", "migrate", "outbox"]


def test_a_neighbour_that_does_not_answer_is_named(
    app: Flask, fake_services: dict[str, FakeService]
) -> None:
    fake_services["auth"].set_mode("failing")
    done = app.test_cli_runner().invoke(args=["accounts", "resync"])
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == (
        f"Error: Service unavailable: GET {fake_services['auth'].url}/internal/accounts."
    )


def test_a_database_that_does_not_answer_is_said_in_a_line(elsewhere: Flask) -> None:
    done = elsewhere.test_cli_runner().invoke(args=["outbox", "show"])
    assert done.exit_code == 1
    assert done.stderr == "Error: Database error: unable to open database file\n"
