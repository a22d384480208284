"""The service's migrations."""

from pathlib import Path

import pytest
from flask import Flask

from auth_service.db import db
from auth_service.tests.factories import ALICE, make_account
from shared.testing.migrations import (
    check_every_step_down_and_up,
    check_migrations_block_no_requests,
    check_models_match_migrations,
)

pytestmark = pytest.mark.database


def test_every_migration_can_be_undone_and_done_again(app: Flask) -> None:
    make_account(app, ALICE, "Alice")

    check_every_step_down_and_up(app, db)


def test_the_models_are_what_the_migrations_make(app: Flask) -> None:
    check_models_match_migrations(app, db)


def test_no_migration_holds_up_requests(app: Flask, tmp_path: Path) -> None:
    check_migrations_block_no_requests(Path(app.root_path) / "migrations", tmp_path)


def test_migrating_twice_changes_nothing(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["migrate"])

    assert done.output.startswith("auth_service: the database is up to date (")
